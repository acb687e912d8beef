/**
 * A full flypaper: the flies with the least time left make room for those who stay longer. Who would stay the
 * shortest himself finds no room, and is only held. Pure.
 */
import { type Fly, type FlySet, setOf } from '../../terms/fly.ts'
import type { Flies } from '../flies.ts'
import { endOf, type Lockout } from '../lockout.ts'
import { type Decision, leaving } from './decision.ts'

/** Prefixes by hand have a bound of their own: NETS_MAX. */
const HOST_SETS = ['flypaper', 'flypaper6'] as const

export interface Room {
  /** Most flies of each set. */
  readonly size: number
  /** Nobody could make room a moment ago: then nobody is looked for. */
  readonly isHopeless: boolean
}

/** To find the shortest-lived means to look at all flies, so this share of the set makes room at once ... */
const SHARE = 1 / 64
/** ... or so many, since they leave the kernel in one transaction. */
const AT_ONCE = 1000

/** Who of those who come gets in, and who leaves for them. Flies whose time is over count until they are swept. */
export function inRoom(
  coming: readonly Lockout[],
  flies: Flies,
  { size, isHopeless }: Room,
  now: number,
): Pick<Decision, 'enter' | 'leave'> {
  if (isRoomy(coming.length, flies, size)) return { enter: coming, leave: [] }
  if (isHopeless) return { enter: whoFits(coming, flies, size), leave: [] }
  const enter = coming.filter(({ source }) => !isHost(setOf(source)))
  const left: Fly[] = []
  for (const set of HOST_SETS) {
    const ofSet = coming.filter(({ source }) => setOf(source) === set)
    const evicted = evictIn(set, ofSet, flies, size)
    enter.push(...evicted.enter)
    left.push(...evicted.left)
  }
  return { enter, leave: leaving(left, { at: now, by: 'flypaperd', because: 'no-room', counts: true }) }
}

/** Whether so many more fit in, whichever set they belong to. */
export function isRoomy(more: number, flies: Flies, size: number): boolean {
  return HOST_SETS.every(set => flies.taken(set) + more <= size)
}

function isHost(set: FlySet): boolean {
  return HOST_SETS.some(one => one === set)
}

/** Those for whom there is a place now, in their order, when nobody makes room. */
function whoFits(coming: readonly Lockout[], flies: Flies, size: number): readonly Lockout[] {
  const free = new Map<FlySet, number>(HOST_SETS.map(set => [set, size - flies.taken(set)]))
  return coming.filter(({ source }) => {
    const set = setOf(source)
    const left = free.get(set)
    if (left === undefined) return true
    free.set(set, left - 1)
    return left > 0
  })
}

function evictIn(set: FlySet, coming: readonly Lockout[], flies: Flies, size: number) {
  const missing = flies.taken(set) + coming.length - size
  if (missing <= 0 || coming.length === 0) return { enter: coming, left: [] }
  const longest = Math.max(...coming.map(({ until }) => endOf(until)))
  const left = flies.shortest(set, Math.max(missing, Math.min(Math.floor(size * SHARE), AT_ONCE)), longest)
  const fitting = Math.max(0, coming.length - Math.max(0, missing - left.length))
  const byEnd = [...coming].sort((one, other) => (endOf(one.until) > endOf(other.until) ? -1 : 1))
  return { enter: fitting === coming.length ? coming : byEnd.slice(0, fitting), left }
}
