/** A pile becomes a message. Pure. Subjects are ours alone: nothing of a stranger's is in them. */
import { dateText } from '../../surface/cli/times.ts'
import type { Kind, Pile } from './notice.ts'

export interface Message {
  readonly kind: Kind | 'test'
  /** ASCII, one line. */
  readonly subject: string
  /** Lines of text, escaped; the last one is ended. */
  readonly text: string
  readonly host: string
  readonly count: number
  readonly first: number
  readonly last: number
  readonly lines: readonly { readonly at: number; readonly text: string }[]
}

const SUBJECTS: Readonly<Record<Exclude<Kind, 'digest'>, string>> = {
  trap: 'trouble with the trap',
  failing: 'something fails',
  limit: 'the promotion limit is in force',
  ours: 'somebody of yours was locked out or spared',
}

const ADVICE: Readonly<Record<Exclude<Kind, 'digest'>, string>> = {
  trap: 'Look at it: flypaperd status',
  failing: 'Look at it: flypaperd status, and the log of the daemon. Locking out goes on.',
  limit:
    'Somebody sends in the names of many, or many scan at once. Who is over the limit is only held, again and again: flypaperd status',
  ours: 'Why: flypaperd why ADDRESS. Let in again: flypaperd free ADDRESS. For good: never in the settings.',
}

export function messageOf(kind: Exclude<Kind, 'digest'>, pile: Pile, host: string): Message {
  const { count, first, last, lines } = pile
  const more = count - lines.reduce((sum, line) => sum + line.count, 0)
  const rows = lines.map(({ at, text }) => `${dateText(at)}  ${text}`)
  if (more > 0)
    rows.push(`and ${more.toLocaleString('en')} more since ${dateText(first)}, the last at ${dateText(last)}`)
  return {
    kind,
    subject: subjectOf(host, SUBJECTS[kind]),
    text: `${rows.join('\n')}\n\n${ADVICE[kind]}\n`,
    host,
    count,
    first,
    last,
    lines: lines.map(({ at, text }) => ({ at, text })),
  }
}

export function testMessage(host: string, now: number): Message {
  const text = 'This is a test. Whoever reads it will be told by flypaperd.'
  return {
    kind: 'test',
    subject: subjectOf(host, 'a test'),
    text: `${text}\n`,
    host,
    count: 1,
    first: now,
    last: now,
    lines: [{ at: now, text }],
  }
}

export function subjectOf(host: string, what: string): string {
  return `flypaperd on ${host.replaceAll(/[^\w.-]/g, '_').slice(0, 64)}: ${what}`
}
