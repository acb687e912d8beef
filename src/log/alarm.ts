/** Alarms that may come by the thousand: the first is said at once, then one a minute that counts the others. */
import type { Log } from './log.ts'

const QUIET_MS = 60_000

export function openAlarm(
  log: Pick<Log, 'error'>,
  now: () => number,
  what = 'alarms',
): (message: string) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  let unsaid = 0
  return message => {
    if (now() - saidAt < QUIET_MS) {
      unsaid++
      return
    }
    log.error(unsaid === 0 ? message : `${message} (and ${unsaid} ${what} more since the last one)`)
    saidAt = now()
    unsaid = 0
  }
}
