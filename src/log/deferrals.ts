/** Tells the log about the promotion limit: a line when it begins to bite, then a summary a minute until it is over. */
import type { Log } from './log.ts'

const EVERY_MS = 60_000

export interface Deferrals {
  /** To be called now and then with the number since the start. */
  note(deferred: number, now: number): void
}

export function openDeferrals(log: Log): Deferrals {
  let said = 0
  let saidAt = Number.NEGATIVE_INFINITY
  return {
    note(deferred, now) {
      if (deferred === said || now - saidAt < EVERY_MS) return
      const more = deferred - said
      log.warn(
        `promotion limit: ${more} ${more === 1 ? 'source' : 'sources'} more held only, not locked out (${deferred} since the start)`,
      )
      said = deferred
      saidAt = now
    },
  }
}
