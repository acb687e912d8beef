/** A proof for people: each scan, burst and client, then what it comes to. */
import type { ClientResult } from '../../prove/findings.ts'
import { hurtOf, leaksOf, type Proof } from '../../prove/prove.ts'
import { printTable } from './table.ts'
import { paint, type Terminal, wrap } from './terminal.ts'

interface Output {
  readonly terminal: Terminal
  readonly print: (text: string) => void
}

export function printProof(proof: Proof, output: Output): void {
  const { terminal, print } = output
  const title = (text: string) => print(paint(terminal, 'bold', text))
  title('Scans, in order of the ports, a fresh source each')
  printTable(
    [
      { title: 'SCAN' },
      { title: 'IP' },
      { title: 'RESULT' },
      { title: 'WITH THE TRAP', spare: 1 },
      { title: 'WITHOUT', spare: 2 },
      { title: 'STUCK AT', spare: 3 },
    ],
    proof.scans.map(scan => [
      scan.scan,
      `v${scan.family}`,
      scan.isLeak ? 'LEAK' : scan.controlAnswers === 0 ? 'nothing to find' : 'kept',
      foundText(scan.found, scan.answers),
      foundText(scan.control, scan.controlAnswers),
      scan.stuckAt === undefined ? 'never' : `packet ${scan.stuckAt} of ${scan.packets}, ${scan.stuckBy}`,
    ]),
    output,
  )
  print('')
  title('Bursts: a closed port, then open ones, in one system call')
  printTable(
    [
      { title: 'IP' },
      { title: 'RESULT' },
      { title: 'WITH THE TRAP', spare: 1 },
      { title: 'WITHOUT', spare: 2 },
      { title: 'PORTS', spare: 3 },
    ],
    proof.bursts.map(burst => [
      `v${burst.family}`,
      burst.isLeak ? 'LEAK' : 'kept',
      foundText([], burst.answers),
      `${foundText([], burst.controlAnswers)} for ${burst.sources} sources`,
      burst.ports.join(' '),
    ]),
    output,
  )
  print('')
  title('Clients and other innocents')
  printTable(
    [
      { title: 'WHO' },
      { title: 'SERVICE' },
      { title: 'IP' },
      { title: 'RESULT' },
      { title: 'WITH THE TRAP', spare: 1 },
      { title: 'WITHOUT', spare: 2 },
    ],
    proof.clients.map(client => [
      client.who,
      client.service,
      `v${client.family}`,
      resultText(client),
      client.trapped ?? '-',
      client.control,
    ]),
    output,
  )
  if (proof.missing.length > 0) {
    print('')
    title('Not cloned')
    for (const one of proof.missing) print(wrap(`- ${one}`, terminal.columns, 2))
  }
  print('')
  print(verdictText(proof, terminal))
}

function verdictText(proof: Proof, terminal: Terminal): string {
  const [leaks, hurt] = [leaksOf(proof), hurtOf(proof)]
  if (leaks + hurt === 0) return paint(terminal, 'green', 'Kept: no leak, and no innocent was hurt.')
  const text = `Not kept. Scans and bursts that leak: ${leaks}; innocents hurt: ${hurt}.`
  return paint(terminal, 'red', text)
}

function resultText({ isStuck, isHurt, trapped }: ClientResult): string {
  if (isStuck) return 'STUCK'
  if (isHurt) return 'NOT SERVED'
  return trapped === undefined ? 'not for strangers' : 'kept'
}

/** `tcp/22 tcp/443`, or how much else was told: of closed ports, by RST and ICMP. */
function foundText(found: readonly string[], answers: number): string {
  if (found.length > 0) return found.join(' ')
  return answers === 0 ? 'nothing' : answers === 1 ? '1 answer' : `${answers} answers`
}
