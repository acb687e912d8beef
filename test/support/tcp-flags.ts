/**
 * What becomes of each combination of TCP flags that a stranger sends to a closed port: an oracle, written down row by row and not
 * computed. F FIN, S SYN, R RST, P PSH, A ACK, U URG (RFC 9293, section 3.1); `-` is none.
 */
export type Became = 'illegal-flags' | 'closed-port' | 'backscatter' | 'late'

const ORACLE: Readonly<Record<Became, string>> = {
  'closed-port': 'S SP SU SPU',
  'illegal-flags': `- F P U FP FU PU FPU
    FS FSP FSU FSPU FSA FSPA FSAU FSPAU
    SR SRP SRU SRPU SRA SRPA SRAU SRPAU
    FSR FSRP FSRU FSRPU FSRA FSRPA FSRAU FSRPAU`,
  backscatter: `R RP RU RPU RA RPA RAU RPAU
    FR FRP FRU FRPU FRA FRPA FRAU FRPAU
    SA SPA SAU SPAU`,
  late: 'A PA AU PAU FA FPA FAU FPAU',
}
const BITS: Readonly<Record<string, number>> = { '-': 0, F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 }

export const TCP_FLAGS = (Object.entries(ORACLE) as [Became, string][]).flatMap(([became, rows]) =>
  rows
    .trim()
    .split(/\s+/)
    .map(letters => ({ letters, flags: [...letters].reduce((sum, one) => sum | BITS[one]!, 0), became })),
)
