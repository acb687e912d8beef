/** Counts offences of a source, for those who want more than one before they lock it out. */
import type { Fly } from '../terms/fly.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

export interface Strikes {
  /** Counts this offence; true when it is the last one that was needed. */
  isLast(source: Fly, allowance: Allowance, now: number): boolean
  forget(source: Fly): void
  forgetAll(): void
}

export interface Allowance {
  /** Offences within the window that it takes. */
  readonly strikes: number
  /** Seconds. */
  readonly strikeWindow: number
}

/** Sources remembered at most; the one that has been quiet longest makes room. */
export const STRIKE_SOURCES_MAX = 65_536

export function openStrikes(): Strikes {
  const sources = recentlySeen<Fly, readonly number[]>(STRIKE_SOURCES_MAX)
  return {
    isLast(source, { strikes, strikeWindow }, now) {
      if (strikes === 1) return true
      const before = (sources.take(source) ?? []).filter(at => now - at <= strikeWindow * 1000)
      if (before.length + 1 >= strikes) return true
      sources.put(source, [...before, now])
      return false
    },
    forget: source => void sources.take(source),
    forgetAll: sources.clear,
  }
}
