/** The conditions that list, free and export share. */
import { ENDS, type Filter, PROTOS, REASONS } from '../../history/selection.ts'
import { GRADES } from '../../judge/verdict.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { parseMoment } from './times.ts'
import type { Call } from './verb.ts'

export const FILTER_OPTIONS = [
  { flags: '--since <time>', what: 'locked out then or later: 2h (ago), 2026-11-24, "2026-11-24 16:30"' },
  { flags: '--port <number>', what: 'who tried this port' },
  {
    flags: '--proto <name>',
    what: `who tried ${PROTOS.slice(0, -1).join(', ')} or another protocol (protocol)`,
  },
] as const

/** Those of list alone. */
export const LIST_OPTIONS = [
  { flags: '--until <time>', what: 'locked out before' },
  { flags: '--reason <word>', what: `for this reason: ${REASONS.join(', ')}` },
  { flags: '--grade <word>', what: `by evidence of this grade: ${GRADES.join(', ')}` },
  { flags: '--past', what: 'instead of the flies, lockouts of before, as far as the history goes' },
  { flags: '--ended <how>', what: `past ones that ended so: ${ENDS.join(', ')}` },
] as const

/** FILTER_OPTIONS and LIST_OPTIONS. Throws a Failure (64) for what is none. */
export function listFilterOf(call: Pick<Call, 'options' | 'system'>): Filter {
  const { until, reason, grade, ended } = call.options as Partial<Record<string, string>>
  const past = call.options.past === true || ended !== undefined
  return {
    ...filterOf(call),
    until: until === undefined ? undefined : parseMoment(until, call.system.now()),
    reason: reason === undefined ? undefined : oneOf('--reason', REASONS, reason),
    grade: grade === undefined ? undefined : oneOf('--grade', GRADES, grade),
    ...(past && { past }),
    ended: ended === undefined ? undefined : oneOf('--ended', ENDS, ended),
  }
}

/** The conditions without the prefixes. Throws a Failure (64) for what is none. */
export function filterOf({ options, system }: Pick<Call, 'options' | 'system'>): Filter {
  const { since, port, proto } = options as Partial<Record<'since' | 'port' | 'proto', string>>
  return {
    since: since === undefined ? undefined : parseMoment(since, system.now()),
    port: port === undefined ? undefined : parsePort(port),
    proto: proto === undefined ? undefined : oneOf('--proto', PROTOS, proto.toLowerCase()),
  }
}

export function oneOf<const T extends string>(what: string, known: readonly T[], text: string): T {
  const found = known.find(one => one === text)
  if (found !== undefined) return found
  throw new Failure(`${what} is one of ${known.join(', ')}, not ${escapeText(text)}`, { exit: EXIT.usage })
}

/** A number of things, or `all`. */
export function limitOf(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Failure(`--limit is a number or all, not ${escapeText(text)}`, { exit: EXIT.usage })
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text)
  throw new Failure(`--port is a number up to 65535, not ${escapeText(text)}`, { exit: EXIT.usage })
}
