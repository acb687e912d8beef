/**
 * The promotion limit: how many held sources become flies. Whoever forges thousands of sources must not fill the
 * flypaper with innocents, so beyond the limit a source is held only. A real scanner comes again after the hold,
 * a forged source seldom does: those who come again go first, and have a share that newcomers cannot use up.
 */
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

export interface Promotion {
  /** Whom of these candidates the limit lets through. `cameBefore` tells of lockouts in the past. */
  admit(
    candidates: readonly Fly[],
    limit: Settings['promotion'],
    now: number,
    cameBefore: (fly: Fly) => boolean,
  ): readonly Fly[]
  /** Sources that were held only, since the start. */
  deferred(): number
}

/** Deferred sources remembered at most; the one that was deferred longest ago makes room. */
export const DEFERRED_MAX = 65_536
/** The share of the burst that is kept for those who come again. */
const RESERVED = 1 / 5

export function openPromotion(): Promotion {
  const waiting = recentlySeen<Fly, true>(DEFERRED_MAX)
  let deferred = 0
  let tokens = Number.POSITIVE_INFINITY
  let filledAt: number | undefined

  function refill({ perSecond, burst }: Settings['promotion'], now: number): void {
    const seconds = Math.max(0, now - (filledAt ?? now)) / 1000
    tokens = Math.min(burst, tokens + seconds * perSecond)
    filledAt = now
  }

  function draw(reserve: number): boolean {
    if (tokens < reserve + 1) return false
    tokens -= 1
    return true
  }

  return {
    admit(candidates, limit, now, cameBefore) {
      if (limit.perSecond === 0 || candidates.length === 0) return candidates
      refill(limit, now)
      const comesAgain = (fly: Fly) => waiting.has(fly) || cameBefore(fly)
      const { again = [], first = [] } = Object.groupBy(candidates, fly =>
        comesAgain(fly) ? 'again' : 'first',
      )
      const admitted = new Set([
        ...again.filter(() => draw(0)),
        ...first.filter(() => draw(Math.floor(limit.burst * RESERVED))),
      ])
      for (const fly of candidates) {
        if (admitted.has(fly)) waiting.take(fly)
        else {
          waiting.put(fly, true)
          deferred++
        }
      }
      return [...admitted]
    },
    deferred: () => deferred,
  }
}
