/**
 * Who stays since he goes on trying. At the half of its time and again just before the end the kernel is asked how many packets of a fly were
 * counted; when there were more meanwhile, it is prolonged. The first half does not count: a client that mistyped a port once repeats its
 * SYN for up to 127 s, and says the rest of its other connections. Pure. docs/decisions/0050-while-it-tries.md
 */
import type { Fly } from '../terms/fly.ts'
import type { TermTable } from './term-table.ts'

/** The last look comes so long before the end, or, of a short time, a quarter of it. */
export const LAST_MS = 10_000
/** What was counted is kept modulo this, and one more, so that 0 is free to mean that nobody has asked. */
const COUNTED = 2 ** 32 - 1

/** A fly that is to be asked for now. */
export interface Due {
  readonly fly: Fly
  readonly since: number
  readonly until: number
  /** Milliseconds. */
  readonly stretch: number
  /** As it was written down at its half; 0: this is its half. */
  readonly seen: number
}

export interface DueSlice {
  /** The places in the table of those who are due. */
  readonly places: readonly number[]
  /** Where it is to be gone on from. */
  readonly end: number
  /** When the first of the others of these places is due; infinite when nobody is. */
  readonly next: number
}

/** The end of the whole that a lockout may have at most, in milliseconds from its beginning. */
export interface Longest {
  readonly longestMs: number
}

/**
 * Who is due among so many places from `from` on, at most `most`: two comparisons for each. Whose time is over, or who would stay longer than
 * he may, is not asked for.
 */
export function dueWithin(
  { since, until, stretch, seen, end }: TermTable,
  { from, count, most }: { readonly from: number; readonly count: number; readonly most: number },
  { longestMs }: Longest,
  now: number,
): DueSlice {
  const places: number[] = []
  const last = Math.min(end, from + count)
  let next = Number.POSITIVE_INFINITY
  let place = from
  for (; place < last && places.length < most; place++) {
    const ms = stretch[place]! * 1000
    if (ms === 0) continue
    const ends = until[place]!
    if (!(ends > now) || ends + ms - since[place]! > longestMs) continue
    const at = seen[place] === 0 ? halfOf(ends, ms) : lastLookOf(ends, ms)
    if (at > now) next = Math.min(next, at)
    // Whoever was not asked for at his half in time just ends.
    else if (seen[place] !== 0 || lastLookOf(ends, ms) > now) places.push(place)
  }
  return { places, end: place, next }
}

export function halfOf(until: number, stretch: number): number {
  return until - stretch / 2
}

export function lastLookOf(until: number, stretch: number): number {
  return until - Math.min(LAST_MS, stretch / 4)
}

/** What is written down of so many packets. */
export function writtenDown(packets: number): number {
  return (packets % COUNTED) + 1
}

/**
 * How many packets have come since so many were written down. A counter that is behind was begun anew since, with its element: all that it has
 * counted came since.
 */
export function packetsSince(seen: number, packets: number): number {
  const before = seen - 1
  const now = packets % COUNTED
  if (now >= before) return now - before
  return packets < COUNTED ? packets : now + COUNTED - before
}
