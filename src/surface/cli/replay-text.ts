/** A replay for people: what was played, who would have been locked out, whom it let go, and what was not as it was. */

import type { Innocence } from '../../judge/verdict.ts'
import { wordsOf } from '../../log/reasons.ts'
import { triedText } from '../../log/sentence.ts'
import type { LockedOut, Replayed } from '../../replay/replay.ts'
import { escapeText } from '../../terms/escape.ts'
import { printTable } from './table.ts'
import { paint, type Terminal, wrap } from './terminal.ts'

interface Output {
  readonly terminal: Terminal
  readonly print: (text: string) => void
}

/** Of each file; with --json there are all. */
const SHOWN_MAX = 20

export function printReplay(file: string, replayed: Replayed, output: Output): void {
  const { terminal, print } = output
  const title = (text: string) => print(paint(terminal, 'bold', text))
  const { own, packets, hosts, lockedOut, spared, kernel, remarks } = replayed
  title(`${escapeText(file)}: ${own.join(', ')}`)
  print(
    `${packets.in} packets in from ${hosts} ${hosts === 1 ? 'host' : 'hosts'}, ${packets.out} out, in ${replayed.seconds.toFixed(1)} s.`,
  )
  print('')
  if (lockedOut.length > 0) {
    printTable(
      [
        { title: 'LOCKED OUT' },
        { title: 'PACKET', right: true },
        { title: 'AT', right: true, spare: 2 },
        { title: 'TRIED' },
        { title: 'BECAUSE' },
        { title: 'SENT', right: true, spare: 4 },
        { title: 'GOT', right: true, spare: 3 },
        { title: 'BUT', spare: 1 },
      ],
      lockedOut.slice(0, SHOWN_MAX).map(rowOf),
      output,
    )
    if (lockedOut.length > SHOWN_MAX) print(`and ${lockedOut.length - SHOWN_MAX} more`)
    print('')
  }
  const lines = [
    ...spared.map(one => `${wordsOf(one.because as Innocence)}: ${one.packets} packets of ${one.sources}`),
    ...Object.entries(kernel).map(([because, n]) => `${because}, by the kernel: ${n} packets`),
  ]
  if (lines.length > 0) {
    title('Let go')
    for (const line of lines) print(wrap(`- ${escapeText(line)}`, terminal.columns, 2))
    print('')
  }
  if (remarks.length > 0) {
    title('Not as it was')
    for (const remark of remarks) print(wrap(`- ${remark}`, terminal.columns, 2))
    print('')
  }
  print(verdictText(replayed, terminal))
}

function rowOf(one: LockedOut): string[] {
  return [
    one.packetSource ?? one.source,
    one.packet === undefined ? '?' : String(one.packet),
    one.at === undefined ? '?' : `${one.at.toFixed(3)} s`,
    one.tried === undefined ? '' : triedText(one.tried),
    one.because,
    String(one.sent),
    String(one.got),
    [...(one.isHalved ? ['one-sided'] : []), ...(one.isHeadless ? ['mid-stream'] : [])].join(' '),
  ]
}

function verdictText({ lockedOut, hosts }: Replayed, terminal: Terminal): string {
  if (lockedOut.length === 0) return paint(terminal, 'green', 'Nobody would have been locked out.')
  return paint(terminal, 'red', `Would have been locked out: ${lockedOut.length} of ${hosts} hosts.`)
}
