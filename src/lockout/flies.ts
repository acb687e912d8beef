/**
 * The index of the flies: who is locked out until when, in memory, so that the kernel's set is never listed for a
 * look-up. It holds no more flies than the sets have room for.
 */
import type { TimedFly } from '../arm/flies.ts'
import { type Address, overlaps, type Prefix, prefixAround } from '../terms/address.ts'
import { type Fly, type FlySet, isNet, prefixOf, setOf } from '../terms/fly.ts'

/** Milliseconds since the epoch; for ever is infinite. */
export interface Term {
  readonly since: number
  readonly until: number
}

export interface Flies {
  /** The fly, if it is one now. */
  get(fly: Fly, now: number): Term | undefined
  /** Whether it is known, also when its time is over. */
  has(fly: Fly): boolean
  put(fly: Fly, term: Term): void
  delete(fly: Fly): void
  clear(): void
  /** How many there are now. */
  count(now: number): number
  /** How many there are now in each set. */
  fill(now: number): Record<FlySet, number>
  /** How many of the set's places are taken, by flies whose time is over too until they are swept. */
  taken(set: FlySet): number
  /** All of them, in no order, read as the caller takes them; also those whose time is over. */
  [Symbol.iterator](): Iterator<readonly [Fly, Term]>
  /** Those with the most time left come first. */
  timed(now: number): readonly TimedFly[]
  /** The flies that overlap the prefix. */
  matching(prefix: Prefix, now: number): readonly Fly[]
  /** The flies that are whole prefixes. */
  nets(now: number): readonly Fly[]
  /** At most so many of the set, whose time ends first and before `until`. */
  shortest(set: FlySet, most: number, until: number): readonly Fly[]
  /** Forgets those whose time is over; the kernel has let them go by itself. */
  sweep(now: number): void
  /** The clock was set by so many milliseconds: nobody is freed or kept longer for it. */
  shift(ms: number): void
}

/** `changed` is called when a fly comes or goes by a decision; that its time is over is none. */
export function indexOfFlies(changed = () => {}): Flies {
  const stuck = new Map<Fly, Term>()
  const taken = new Map<FlySet, number>()

  function take(fly: Fly, places: 1 | -1): void {
    const set = setOf(fly)
    taken.set(set, (taken.get(set) ?? 0) + places)
  }

  function remove(fly: Fly): void {
    if (stuck.delete(fly)) take(fly, -1)
  }

  return {
    get(fly, now) {
      const found = stuck.get(fly)
      return found !== undefined && found.until > now ? found : undefined
    },
    has: fly => stuck.has(fly),
    put(fly, term) {
      if (!stuck.has(fly)) take(fly, 1)
      stuck.set(fly, term)
      changed()
    },
    delete(fly) {
      remove(fly)
      changed()
    },
    clear() {
      changed()
      stuck.clear()
      taken.clear()
    },
    count(now) {
      let flies = 0
      for (const { until } of stuck.values()) if (until > now) flies++
      return flies
    },
    fill(now) {
      const fill = { flypaper: 0, flypaper6: 0, flypaper_nets: 0, flypaper_nets6: 0 }
      for (const [fly, { until }] of stuck) if (until > now) fill[setOf(fly)]++
      return fill
    },
    [Symbol.iterator]: () => stuck.entries(),
    taken: set => taken.get(set) ?? 0,
    timed(now) {
      return [...stuck]
        .filter(([, { until }]) => until > now)
        .sort(([, one], [, other]) => compare(other.until, one.until))
        .map(([fly, { until }]) => ({ fly, seconds: secondsLeft(until, now) }))
    },
    matching(prefix, now) {
      const names = namesOf(prefix)
      const isWide = names.length === 0 || (prefix.family === 6 && prefix.length === 64)
      const candidates = isWide ? [...stuck.keys()].filter(fly => overlaps(prefix, prefixOf(fly))) : names
      return candidates.filter(fly => this.get(fly, now) !== undefined)
    },
    nets(now) {
      return [...stuck.keys()].filter(fly => isNet(fly) && this.get(fly, now) !== undefined)
    },
    shortest(set, most, until) {
      return [...stuck]
        .filter(([fly, one]) => one.until < until && setOf(fly) === set)
        .sort(([, one], [, other]) => compare(one.until, other.until))
        .slice(0, most)
        .map(([fly]) => fly)
    },
    sweep(now) {
      for (const [fly, { until }] of stuck) if (until <= now) remove(fly)
    },
    shift(ms) {
      for (const [fly, { since, until }] of stuck) stuck.set(fly, { since: since + ms, until: until + ms })
    },
  }
}

/** Whole seconds, as the kernel's sets take them, one at least; undefined: for ever. */
export function secondsLeft(until: number, now: number): number | undefined {
  return until === Number.POSITIVE_INFINITY ? undefined : Math.max(1, Math.round((until - now) / 1000))
}

/** The flies that one address can be: itself, and its /64. None for a wide prefix. */
export function namesOf(prefix: Prefix): Fly[] {
  if (prefix.length === 32 && prefix.family === 4) return [prefix.text as Fly]
  if (prefix.length === 64 && prefix.family === 6) return [prefix.text as Fly]
  if (prefix.length < 128) return []
  return [prefix.text as Fly, prefixAround(prefix.text as Address, 64).text as Fly]
}

/** Infinite ones are equal: their difference is no number. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one < other ? -1 : 1
}
