/**
 * A full flypaper: the flies with the least time left make room for those who stay longer. Who would stay the
 * shortest himself finds no room, and is only held.
 */
import { FLY_SETS, type Fly, type FlySet, setOf } from '../terms/fly.ts'
import type { Flies } from './flies.ts'
import { endOf, type Lockout } from './lockout.ts'

/** Finding the shortest-lived means to look at all flies, so this share of the set makes room at once ... */
const SHARE = 1 / 64
/** ... or so many, since they leave the kernel in one transaction. */
const AT_ONCE = 1000

export interface Room {
  /** For whom there is room. */
  readonly lockouts: readonly Lockout[]
  /** Who makes room. */
  readonly leaving: readonly Fly[]
}

/** `size` is that of each of the two sets. */
export function makeRoom(lockouts: readonly Lockout[], flies: Flies, size: number, now: number): Room {
  const isRoomy = Math.max(flies.taken('flypaper'), flies.taken('flypaper6')) + lockouts.length <= size
  if (isRoomy) return { lockouts, leaving: [] }
  const bySet = (['flypaper', 'flypaper6'] as const).map(set => {
    const coming = lockouts.filter(({ source }) => setOf(source) === set)
    return roomIn(set, coming, flies, size, now)
  })
  return {
    lockouts: bySet.flatMap(room => room.lockouts),
    leaving: bySet.flatMap(room => room.leaving),
  }
}

/** Those for whom there is a place now, in their order, when nobody makes room. */
export function whoFits(lockouts: readonly Lockout[], flies: Flies, size: number): readonly Lockout[] {
  const free = new Map(FLY_SETS.map(set => [set, size - flies.taken(set)]))
  return lockouts.filter(({ source }) => {
    const set = setOf(source)
    const left = free.get(set)!
    free.set(set, left - 1)
    return left > 0
  })
}

function roomIn(set: FlySet, lockouts: readonly Lockout[], flies: Flies, size: number, now: number): Room {
  if (flies.taken(set) + lockouts.length > size) flies.sweep(now)
  const missing = flies.taken(set) + lockouts.length - size
  if (missing <= 0 || lockouts.length === 0) return { lockouts, leaving: [] }
  const longest = Math.max(...lockouts.map(({ until }) => endOf(until)))
  const leaving = flies.shortest(set, Math.max(missing, Math.min(Math.floor(size * SHARE), AT_ONCE)), longest)
  const fitting = Math.max(0, lockouts.length - Math.max(0, missing - leaving.length))
  const byEnd = [...lockouts].sort((one, other) => (endOf(one.until) > endOf(other.until) ? -1 : 1))
  return { lockouts: fitting === lockouts.length ? lockouts : byEnd.slice(0, fitting), leaving }
}
