/** The kernel's set beside the index: what differs. Pure. */
import type { TimedFly } from '../arm/flies.ts'
import { type Fly, flyOfElement } from '../terms/fly.ts'
import type { FoundElement } from './external-changes.ts'

export interface Differences {
  /** In the index, and not in the set. */
  readonly missing: readonly Fly[]
  /** In the set, and not in the index. */
  readonly extra: readonly TimedFly[]
  /** In both, with different times. */
  readonly mistimed: readonly Fly[]
}

/** Less than that may be rounding, or the time that the comparison took. */
const TOLERANCE_SECONDS = 5

/** `expected` are the flies of the index when the set was read. */
export function compare(found: readonly FoundElement[], expected: readonly TimedFly[]): Differences {
  const inSet = new Map<Fly, number>()
  for (const { element, seconds } of found) {
    const fly = flyOfElement(element)
    if (fly !== undefined) inSet.set(fly, seconds ?? Number.POSITIVE_INFINITY)
  }
  const missing: Fly[] = []
  const mistimed: Fly[] = []
  for (const { fly, seconds = Number.POSITIVE_INFINITY } of expected) {
    const left = inSet.get(fly)
    inSet.delete(fly)
    if (left === undefined) {
      if (seconds > TOLERANCE_SECONDS) missing.push(fly)
    } else if (left !== seconds && Math.abs(left - seconds) > TOLERANCE_SECONDS) mistimed.push(fly)
  }
  const extra = [...inSet].map(([fly, left]) => ({
    fly,
    seconds: left === Number.POSITIVE_INFINITY ? undefined : Math.max(1, Math.round(left)),
  }))
  return { missing, extra, mistimed }
}
