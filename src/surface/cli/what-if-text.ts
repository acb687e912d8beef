/** What other settings would have done, for people: a table that fits a screen; and for programs. Pure. */
import type * as z from 'zod'
import { formatDuration } from '../../terms/duration.ts'
import type { Changed, Compared, Sum } from '../../what-if/compare.ts'
import { lengthOf } from '../../what-if/compare.ts'
import type { Replayed } from '../../what-if/replay.ts'
import type { Differing } from '../../what-if/unknown.ts'
import type { Visit } from '../../what-if/visits.ts'
import type { WhatIfAnswer } from './answers.ts'
import { printTable } from './table.ts'
import type { Terminal } from './terminal.ts'
import { dateText } from './times.ts'

export interface WhatIf {
  /** Lockouts from then on are compared, in milliseconds since the epoch. */
  readonly since: number
  readonly replayed: Replayed
  readonly compared: Compared
  readonly differing: Differing
  /** What is missing, and what follows, as sentences. */
  readonly missing: readonly string[]
}

/** Rows of the table: the greatest differences. */
const ROWS = 15
const TRIED = 3

export function printWhatIf(found: WhatIf, terminal: Terminal, print: (text: string) => void): void {
  const { since, replayed, compared, differing, missing } = found
  const { changes, same } = compared
  print(
    `${count(replayed.packets, 'packet')}, from ${dateText(since)} to ${dateText(replayed.until ?? since)}.`,
  )
  print(
    differing.shown.length === 0
      ? 'No setting whose effect can be shown is another one.'
      : `Other settings: ${differing.shown.join(', ')}.`,
  )
  print(`Locked out: ${sumText(compared.happened)}; would have been: ${sumText(compared.would)}.`)
  const kinds = Object.entries(Object.groupBy(changes, ({ change }) => change))
  print(`${[...kinds.map(([kind, of]) => `${of.length} ${kind}`), `${same} the same`].join(', ')}.`)
  if (changes.length > 0) print('')
  printTable(
    [
      { title: 'SOURCE' },
      { title: '' },
      { title: 'HAPPENED', right: true },
      { title: 'WOULD', right: true },
      { title: 'FIRST', spare: 2 },
      { title: 'TRIED', spare: 1 },
    ],
    changes.slice(0, ROWS).map(rowOf),
    { terminal, print },
  )
  if (changes.length > ROWS)
    print(`and ${count(changes.length - ROWS, 'source')} more: --json names them all`)
  section('Not known of these settings:', differing.unknown, print)
  section('Missing:', missing, print)
}

function section(title: string, lines: readonly string[], print: (text: string) => void): void {
  if (lines.length > 0) print(['', title, ...lines.map(line => `- ${line}`)].join('\n'))
}

function rowOf({ source, change, happened, would }: Changed): readonly string[] {
  const visits = would.length > 0 ? would : happened
  const tried = [...new Set(visits.flatMap(visit => visit.tried))]
  const more = tried.length > TRIED ? ` and ${tried.length - TRIED} more` : ''
  return [
    source,
    change,
    lengthText(happened),
    lengthText(would),
    dateText(visits[0]!.since),
    `${tried.slice(0, TRIED).join(' ')}${more}`,
  ]
}

function lengthText(visits: readonly Visit[]): string {
  if (visits.length === 0) return '-'
  const length = lengthOf(visits)
  const text = Number.isFinite(length) ? formatDuration(length / 1000) : 'for ever'
  return visits.length === 1 ? text : `${visits.length}x, ${text}`
}

function sumText({ sources, lockouts }: Sum): string {
  return `${count(sources, 'source')}${lockouts === sources ? '' : `, ${count(lockouts, 'lockout')}`}`
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
}

export function answerOf({
  since,
  replayed,
  compared,
  differing,
  missing,
}: WhatIf): z.infer<typeof WhatIfAnswer> {
  const { changes, same, happened, would } = compared
  return {
    since: new Date(since).toISOString(),
    until: new Date(replayed.until ?? since).toISOString(),
    packets: replayed.packets,
    different: [...differing.shown],
    unknown: [...differing.unknown],
    missing: [...missing],
    happened: { ...happened },
    would: { ...would },
    same,
    changes: changes.map(({ source, change, ...visits }) => ({
      source,
      change,
      happened: visits.happened.map(visitOf),
      would: visits.would.map(visitOf),
    })),
  }
}

function visitOf({
  since,
  until,
  because,
  tried,
}: Visit): z.infer<typeof WhatIfAnswer>['changes'][number]['would'][number] {
  return {
    since: new Date(since).toISOString(),
    seconds: until === 'forever' ? until : Math.round((until - since) / 1000),
    because,
    tried: [...tried],
  }
}
