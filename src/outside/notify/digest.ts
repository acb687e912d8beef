/** The digest: the report as a message of its own, each day or each Monday. */
import type { Notify } from '../../settings/settings.ts'
import { printReport, type Report } from '../../surface/cli/report-text.ts'
import { type Message, subjectOf } from './message.ts'

const DAY_MS = 86_400_000
/** A report that is asked for later reaches no further back: somebody was away for long. */
const LONGEST_DAYS = 31

/** When the last digest was due before now, in local time; undefined when there is none. */
export function lastDue({ digest, at }: Pick<Notify, 'digest' | 'at'>, now: number): number | undefined {
  if (digest === 'off') return undefined
  const day = new Date(now)
  const due = () => new Date(day.getFullYear(), day.getMonth(), day.getDate(), 0, at).getTime()
  const isDay = () => digest === 'daily' || day.getDay() === MONDAY
  while (due() > now || !isDay()) day.setDate(day.getDate() - 1)
  return due()
}

const MONDAY = 1

/** Since when a digest reports: since the one before, however long that is ago; the first for its day, or its week. */
export function sinceOf({ digest }: Pick<Notify, 'digest'>, due: number, before: number | undefined): number {
  const usual = due - (digest === 'daily' ? 1 : 7) * DAY_MS
  return before === undefined ? usual : Math.max(before, due - LONGEST_DAYS * DAY_MS)
}

/** A mail is no terminal: no colours, no block characters, and lines that need no folding. */
const PAPER = {
  isTerminal: true,
  columns: 76,
  colours: false,
  isUnicode: false,
  showsProgress: false,
} as const

export function digestOf(report: Report, host: string): Message {
  const rows: string[] = []
  printReport(report, PAPER, text => rows.push(text))
  const { lockouts, attackers, since, until } = report
  const some = (count: number, thing: string) =>
    `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`
  return {
    kind: 'digest',
    subject: subjectOf(host, `${some(lockouts, 'lockout')} of ${some(attackers, 'attacker')}`),
    text: `${rows.join('\n')}\n\nMore: flypaperd report, flypaperd list --past\n`,
    host,
    count: lockouts,
    first: since,
    last: until,
    lines: [],
  }
}
