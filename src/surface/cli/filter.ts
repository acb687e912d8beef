/** The conditions that list, free and export share. */
import { type Filter, PROTOS } from '../../history/selection.ts'
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
