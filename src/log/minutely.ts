/** Tells the log what strangers cause by the thousand: the first time at once, then in one line a minute until it is over. */
import type { Log } from './log.ts'

const EVERY_MS = 60_000

export interface Minutely {
  /** Noted since the start. */
  readonly total: number
  /** So many more; to be called with 0 now and then. */
  note(more: number, now: number): void
}

/** The promotion limit bites. */
export function openDeferrals(log: Log): Minutely {
  return openMinutely((more, total) =>
    log.warn(
      `promotion limit: ${more} ${more === 1 ? 'source' : 'sources'} more held only, not locked out (${total} since the start)`,
    ),
  )
}

/** Flies go on trying. */
export function openProlonged(log: Log): Minutely {
  return openMinutely(more =>
    log.info(
      more === 1
        ? '1 fly goes on trying: it stays as long again'
        : `${more} flies go on trying: they stay as long again`,
    ),
  )
}

function openMinutely(tell: (more: number, total: number) => void): Minutely {
  let total = 0
  let said = 0
  let saidAt = Number.NEGATIVE_INFINITY
  return {
    get total() {
      return total
    },
    note(more, now) {
      total += more
      if (total === said || now - saidAt < EVERY_MS) return
      tell(total - said, total)
      said = total
      saidAt = now
    },
  }
}
