/** What the captures of test/captures/captures.ts are expected to bring. Files are named by their package and their path in its tests. */

export interface Package {
  readonly name: string
  /** Debian's upstream archive, and what its .dsc says of it. */
  readonly archive: string
  readonly sha256: string
  /** Where the captures are in it. */
  readonly folder: string
}

export const PACKAGES: readonly Package[] = [
  {
    name: 'ndpi',
    archive: 'https://deb.debian.org/debian/pool/main/n/ndpi/ndpi_4.2.orig.tar.gz',
    sha256: 'e54ce8fe13adc5d747be7553513657fae78f796e0bd459e122c280cc06ce4daf',
    folder: 'tests/pcap',
  },
  {
    name: 'tcpdump',
    archive: 'https://deb.debian.org/debian/pool/main/t/tcpdump/tcpdump_4.99.3.orig.tar.gz',
    sha256: 'ad75a6ed3dc0d9732945b2e5483cb41dc8b4b528a169315e499c6861952e73b3',
    folder: 'tests',
  },
]

/** Hosts that are locked out although they did nothing: of each the reason. */
export const ARTEFACTS: Readonly<
  Record<string, { readonly sources: readonly string[]; readonly why: string }>
> = {
  'ndpi/capwap.pcap': {
    sources: ['192.168.10.9'],
    why: 'the answer to a question from before the file, by UDP to a port that says nothing in it',
  },
  'ndpi/fuzz-2020-02-16-11740.pcap': {
    sources: ['198.226.25.53'],
    why: 'a mutated file: protocols that nobody speaks',
  },
  'ndpi/reasm_crash_anon.pcapng': {
    sources: ['10.209.8.148'],
    why: 'a mutated packet: SYN, FIN and RST at once',
  },
  'tcpdump/geneve.pcap': {
    sources: ['20.0.0.2'],
    why: 'a tunnel answers from another port: the one that it listens on says nothing',
  },
  'tcpdump/ptp_corrections.pcap': {
    sources: ['2.2.2.2'],
    why: 'the other port of PTP, which says nothing in the file',
  },
}

/** The controls: whoever scans sticks. */
export const SCANS: readonly { readonly file: string; readonly as: string; readonly source: string }[] = [
  { file: 'ndpi/synscan.pcap', as: '64.13.134.52', source: '172.16.0.8' },
]
