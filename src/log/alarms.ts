/** Whatever the log says as a warning or an error is an alarm, which is told in the feed as well. */
import type { Log } from './log.ts'

export interface Alarm {
  readonly event: 'alarm'
  readonly level: 'warning' | 'error'
  readonly text: string
}

/** Alarms of one minute; the others are counted in the next one. */
export const ALARMS_A_MINUTE = 20
/** Characters of one. */
export const ALARM_TEXT_MAX = 1000
const MINUTE_MS = 60_000

/**
 * The same log, and `tell` is given what it warns of. Not at once: who warns may be in the middle of writing what the alarm would be written
 * behind. Disposing of it tells what still waits.
 */
export function withAlarms<L extends Log>(
  log: L,
  tell: (alarm: Alarm) => void,
  now: () => number,
): L & Disposable {
  let waiting: Alarm[] = []
  let telling: NodeJS.Immediate | undefined
  let [since, told, more] = [Number.NEGATIVE_INFINITY, 0, 0]

  function settle(): void {
    clearImmediate(telling)
    telling = undefined
    const alarms = waiting
    waiting = []
    for (const alarm of alarms) tell(alarm)
  }

  function note(level: Alarm['level'], line: string): void {
    if (Math.abs(now() - since) >= MINUTE_MS) [since, told] = [now(), 0]
    if (told === ALARMS_A_MINUTE) return void more++
    told++
    const others = more === 0 ? '' : ` (and ${more} alarms more since the last one)`
    more = 0
    waiting.push({ event: 'alarm', level, text: `${line.slice(0, ALARM_TEXT_MAX)}${others}` })
    telling ??= setImmediate(settle)
  }

  return {
    ...log,
    warn(line) {
      log.warn(line)
      note('warning', line)
    },
    error(line) {
      log.error(line)
      note('error', line)
    },
    [Symbol.dispose]: settle,
  }
}
