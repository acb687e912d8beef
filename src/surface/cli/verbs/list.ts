import { heldNow } from '../../../lockout/hold.ts'
import type { LockoutRow } from '../../../record/history.ts'
import { triedText } from '../../../record/sentence.ts'
import { formatDuration } from '../../../terms/duration.ts'
import { EXIT } from '../../../terms/failure.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const list: Verb = {
  name: 'list',
  summary: 'the flies, newest first: who, since when, for how much longer, and what they tried',
  options: [
    JSON_OPTION,
    { flags: '--held', what: 'instead, who is held by the kernel and not (yet) locked out' },
  ],
  examples: ['sudo flypaperd list', 'sudo flypaperd list --json', 'sudo flypaperd list --held'],
  run(call) {
    if (call.options.held) listHeld(call)
    else listFlies(call)
    return EXIT.ok
  },
}

function listFlies({ system, options, print }: Call): void {
  using history = system.openHistory({ readOnly: true })
  const now = system.now()
  const rows = history.newest(Number.MAX_SAFE_INTEGER, { now })
  if (options.json) print(JSON.stringify(rows))
  else if (rows.length === 0) print('No flies.')
  else
    printTable(
      print,
      ['SOURCE', 'SINCE', 'LEFT', 'TIMES', 'TRIED'],
      rows.map(row => cells(row, now)),
    )
}

function cells({ source, since, until, times, tried }: LockoutRow, now: number): string[] {
  const left = until === 'forever' ? 'for ever' : formatDuration((until - now) / 1000)
  return [source, timeText(since), left, String(times), tried === undefined ? 'by hand' : triedText(tried)]
}

function listHeld({ system, options, print }: Call): void {
  using firewall = system.openFirewall()
  using history = system.openHistory({ readOnly: true })
  const held = heldNow(firewall).filter(({ source }) => history.find(source, system.now()) === undefined)
  if (options.json) print(JSON.stringify(held))
  else if (held.length === 0) print('Nobody is held.')
  else
    printTable(
      print,
      ['SOURCE', 'LEFT'],
      held.map(({ source, seconds }) => [source, `${seconds ?? '?'}s`]),
    )
}

/** Local time, as in the log of this machine. */
function timeText(ms: number): string {
  const date = new Date(ms)
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map(part => String(part).padStart(2, '0'))
    .join('-')
  return `${day} ${date.toTimeString().slice(0, 8)}`
}

function printTable(print: (line: string) => void, head: string[], rows: string[][]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  for (const row of [head, ...rows])
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
}
