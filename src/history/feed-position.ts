/**
 * Where a reader of the feed is, as the one string that he gets with each line and asks again with. What is in it is our business alone.
 *
 * `lockout` and `event` are the last rows of both tables that he was told of, `seen` the time of the last sighting, in milliseconds since the
 * epoch. Whoever began at the start finds numbers missing up to `since`, the last ones of then, that had gone before he came: there he is to find as many
 * `lockouts` and `events` more as there were.
 */
export interface Position {
  /** Names the history: another one has other rows by the same numbers. */
  readonly epoch: string
  readonly lockout: number
  readonly event: number
  readonly seen: number
  readonly since?: Since
}

export interface Since {
  readonly lockout: number
  readonly event: number
  readonly lockouts: number
  readonly events: number
}

/** Before the first and behind the last line that there is. */
export const START = 'start'
export const NOW = 'now'

/** An id as positionText() writes it. */
const ID = /^[0-9a-f]{16}(?:-[0-9a-z]{1,10}){3}(?:(?:-[0-9a-z]{1,10}){4})?$/

export function isAfter(text: string): boolean {
  return text === START || text === NOW || ID.test(text)
}

export function positionText({ epoch, lockout, event, seen, since }: Position): string {
  const isPast =
    since === undefined ||
    (lockout >= since.lockout && event >= since.event && since.lockouts + since.events === 0)
  const begun = isPast ? [] : [since.lockout, since.event, since.lockouts, since.events]
  return [epoch, ...[lockout, event, seen, ...begun].map(number => number.toString(36))].join('-')
}

/** undefined for what is no id. */
export function positionOf(text: string): Position | undefined {
  if (!ID.test(text)) return undefined
  const [epoch, ...numbers] = text.split('-')
  const [lockout, event, seen, ...begun] = numbers.map(number => Number.parseInt(number, 36))
  const position = { epoch: epoch!, lockout: lockout!, event: event!, seen: seen! }
  if (begun.length === 0) return position
  const since = { lockout: begun[0]!, event: begun[1]!, lockouts: begun[2]!, events: begun[3]! }
  return { ...position, since }
}
