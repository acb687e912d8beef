/**
 * The promotion limit: how many held sources become flies. Whoever forges thousands of sources must not fill the
 * flypaper with innocents, so beyond the limit a source is held only. A real scanner comes again after the hold, and tries
 * another port; a forged source seldom does. So there is a share of the burst for those who come again, and one more for
 * those of them who have tried several ports: nobody else can use it up. docs/decisions/0066-who-goes-first.md
 */
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

/** What is known of a source that is to become a fly. */
export interface Known {
  /** The different ports that count against it now, as evidence names them. */
  readonly tried: readonly string[]
  /** It was locked out in the past. */
  readonly cameBefore: boolean
}

export interface Promotion {
  /** Whom of these the limit lets through. */
  admit(
    candidates: readonly Fly[],
    limit: Settings['promotion'],
    now: number,
    knownOf: (fly: Fly) => Known,
  ): readonly Fly[]
  /**
   * How many of so many may become flies by testimony: half of the burst is left to evidence of our own, so nobody's word keeps a scanner
   * from being locked out, and both together stay within the limit.
   */
  draw(wanted: number, limit: Settings['promotion'], now: number): number
  /** Forgets that these were deferred. */
  forget(isForgotten: (source: Fly) => boolean): void
  /** Sources that were held only, since the start. */
  deferred(): number
}

/** Deferred sources remembered at most; the one that was deferred longest ago makes room. */
export const DEFERRED_MAX = 65_536
/** So many different ports are several, as for the length of a lockout. */
const SEVERAL = 3
/** The share of the burst that first comers leave, and the one that those leave who come again with fewer than several ports. */
const RESERVED = { first: 1 / 5, again: 1 / 10, several: 0, testimony: 1 / 2 } as const
const ORDER = ['several', 'again', 'first'] as const
type Class = (typeof ORDER)[number]

export function openPromotion(): Promotion {
  /** What they had tried when they were deferred, several at most, in one string: most have one. */
  const waiting = recentlySeen<Fly, string>(DEFERRED_MAX)
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
    admit(candidates, limit, now, knownOf) {
      if (limit.perSecond === 0 || candidates.length === 0) return candidates
      refill(limit, now)
      const classes: Record<Class, [Fly, readonly string[]][]> = { several: [], again: [], first: [] }
      for (const fly of candidates) {
        const before = waiting.take(fly)
        const { tried, cameBefore } = knownOf(fly)
        const ports = [...new Set([...tried, ...(before?.split(' ') ?? [])])].slice(0, SEVERAL)
        const comesAgain = before !== undefined || cameBefore
        classes[!comesAgain ? 'first' : ports.length < SEVERAL ? 'again' : 'several'].push([fly, ports])
      }
      const admitted: Fly[] = []
      for (const name of ORDER)
        for (const [fly, ports] of classes[name])
          if (draw(Math.floor(limit.burst * RESERVED[name]))) admitted.push(fly)
          else {
            waiting.put(fly, ports.join(' '))
            deferred++
          }
      return admitted
    },
    draw(wanted, limit, now) {
      if (limit.perSecond === 0 || wanted === 0) return wanted
      refill(limit, now)
      const drawn = Math.min(wanted, Math.max(0, Math.floor(tokens - limit.burst * RESERVED.testimony)))
      tokens -= drawn
      return drawn
    },
    forget: waiting.forget,
    deferred: () => deferred,
  }
}
