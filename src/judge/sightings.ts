/** Who offended and was let go, and why. Gathered for a second, so that a flood costs the history a bounded number of rows. */
import type { Tried } from '../decode/packet.ts'
import type { Fly } from '../terms/fly.ts'
import type { Piece } from './evidence.ts'
import type { Innocence, Spare } from './verdict.ts'

export interface Sighting {
  readonly source: Fly
  readonly because: Innocence
  readonly count: number
  /** Milliseconds since the epoch. */
  readonly first: number
  readonly last: number
  /** What it tried last. */
  readonly tried: Tried
  /** All that counted against it then, which was not enough. */
  readonly evidence?: readonly Piece[]
}

/** Sources and reasons that one second can bring; more are not remembered. */
export const SIGHTINGS_A_SECOND = 1000

/** Gathers what is seen until it is taken. */
export interface SightingBuffer {
  saw(source: Fly, tried: Tried, verdict: Spare, now: number): void
  /** What was seen since the last time. */
  take(): readonly Sighting[]
}

export function openSightingBuffer(most = SIGHTINGS_A_SECOND): SightingBuffer {
  const seen = new Map<string, { -readonly [K in keyof Sighting]: Sighting[K] }>()
  return {
    saw(source, tried, { because, evidence = [] }, now) {
      const key = `${source} ${because}`
      const known = seen.get(key)
      if (known !== undefined) {
        known.count++
        known.last = now
        known.tried = tried
        if (evidence.length > 0) known.evidence = evidence
      } else if (seen.size < most) {
        const sighting = { source, because, count: 1, first: now, last: now, tried }
        seen.set(key, evidence.length > 0 ? { ...sighting, evidence } : sighting)
      }
    },
    take() {
      const taken = [...seen.values()]
      seen.clear()
      return taken
    },
  }
}
