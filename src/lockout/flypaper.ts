/**
 * The flypaper: a Verdict becomes a Lockout in the kernel's set and in the history, and can be undone.
 *
 * The order is kernel, history, announcement: what was announced is remembered, and what is remembered was
 * enforced. What is known here of the flies is an index over the history; the kernel's set is never listed.
 */

import type { Change, Firewall } from '../arm/firewall.ts'
import { flyChanges, newFlyChanges, type TimedFly } from '../arm/flies.ts'
import type { Captured } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import type { Guilt } from '../judge/verdict.ts'
import type { Settings } from '../settings/settings.ts'
import { type Address, overlaps, type Prefix, prefixAround } from '../terms/address.ts'
import { elementOf, FLY_SETS, type Fly, type FlySet, prefixOf, setOf } from '../terms/fly.ts'
import { type Locked, lockByHand, type Order, type Wish } from './by-hand.ts'
import { endHoldsIn } from './hold.ts'
import { lengthOf } from './length.ts'
import { endOf, type Lockout, type Memory, type Stuck } from './lockout.ts'

export interface Offence {
  readonly packet: Packet
  readonly because: Guilt
  readonly hook: Captured['hook']
}

/** Whom an order to free has met. */
export interface Freed {
  readonly flies: readonly Fly[]
  /** Sources that were only held, and are not any more. */
  readonly held: readonly Fly[]
}

export interface Flypaper {
  /** Locks the offenders out; returns the new lockouts, one a source. */
  stick(offences: readonly Offence[], now: number): readonly Lockout[]
  /** Locks out whomever a person names; says whom it does not lock out, and why. */
  lock(wishes: readonly Wish[], order: Order, now: number): Locked
  /** Frees every fly that overlaps one of the prefixes, and ends its hold. */
  free(wanted: readonly Prefix[], by: string, now: number): Freed
  /** Frees all of them; returns how many there were. The history stays. */
  flush(by: string, now: number): number
  /** How many flies there are. */
  count(now: number): number
  /** How many flies each set holds. */
  fill(now: number): Record<FlySet, number>
  /** Every fly with the time it has left. */
  timed(now: number): readonly TimedFly[]
  /** Forgets those whose time is over; the kernel has let them go by itself. */
  sweep(now: number): void
}

/** A packet of a fly this long after its lockout means that the kernel's set has lost it. */
const SETTLED_MS = 1000

export function openFlypaper(world: {
  firewall: Firewall
  memory: Memory
  lockout: Settings['lockout']
  nameFly: (source: Address) => Fly
  now: number
}): Flypaper {
  const { firewall, memory, nameFly } = world
  const stuck: Stuck = new Map()
  for (const { source, since, until } of memory.flies(world.now)) {
    stuck.set(source, { since, until: endOf(until) })
  }

  function lockoutOf({ packet, because, hook }: Offence, source: Fly, now: number): Lockout {
    const times = memory.timesBefore(source)
    const length = lengthOf(packet.tried, times, world.lockout)
    return {
      source,
      packetSource: packet.source,
      tried: packet.tried,
      hook,
      ...(hook === 'forward' ? { forwardedTo: packet.destination } : {}),
      because,
      since: now,
      until: length === 'forever' ? length : now + length * 1000,
      times: times + 1,
    }
  }

  return {
    stick(offences, now) {
      const fresh = new Map<Fly, Lockout>()
      const lost: TimedFly[] = []
      for (const offence of offences) {
        const fly = nameFly(offence.packet.source)
        if (fresh.has(fly)) continue
        const before = stuck.get(fly)
        if (before === undefined || before.until <= now) fresh.set(fly, lockoutOf(offence, fly, now))
        else if (now - before.since > SETTLED_MS) lost.push({ fly, seconds: secondsLeft(before.until, now) })
      }
      const lockouts = [...fresh.values()]
      const timed = lockouts.map(({ source, until }) => ({
        fly: source,
        seconds: secondsLeft(endOf(until), now),
      }))
      const changes = [...newFlyChanges(timed), ...flyChanges(lost)]
      if (changes.length > 0) firewall.change(changes)
      if (lockouts.length > 0) memory.add(lockouts)
      for (const { source, since, until } of lockouts) {
        stuck.set(source, { since, until: endOf(until) })
      }
      return lockouts
    },

    lock: (wishes, order, now) => lockByHand({ firewall, memory, nameFly, stuck }, wishes, order, now),

    free(wanted, by, now) {
      const flies = wanted.flatMap(prefix => matching(prefix, stuck, now))
      const held = endHoldsIn(firewall, wanted)
      const byHand = wanted.flatMap(namesOf).filter(fly => !stuck.has(fly) && take(firewall, fly))
      remove(firewall, flies)
      memory.release(flies, { at: now, by, because: 'freed', counts: false })
      for (const fly of flies) stuck.delete(fly)
      return { flies: [...new Set([...flies, ...byHand])], held: held.filter(fly => !flies.includes(fly)) }
    },

    flush(by, now) {
      const flies = this.count(now)
      const sets = ([...FLY_SETS, 'flypaper_hold', 'flypaper_hold6'] as const).filter(isIn(firewall))
      firewall.change(sets.map(set => ({ change: 'empty', set })))
      memory.releaseAll({ at: now, by, because: 'flushed', counts: false })
      stuck.clear()
      return flies
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

    timed(now) {
      return [...stuck]
        .filter(([, { until }]) => until > now)
        .map(([fly, { until }]) => ({ fly, seconds: secondsLeft(until, now) }))
    },

    sweep(now) {
      for (const [fly, { until }] of stuck) if (until <= now) stuck.delete(fly)
    },
  }
}

/** The flies that one address can be: itself, and its /64. */
function namesOf(prefix: Prefix): Fly[] {
  if (prefix.length === 32 && prefix.family === 4) return [prefix.text as Fly]
  if (prefix.length === 64 && prefix.family === 6) return [prefix.text as Fly]
  if (prefix.length < 128) return []
  return [prefix.text as Fly, prefixAround(prefix.text as Address, 64).text as Fly]
}

function matching(prefix: Prefix, stuck: ReadonlyMap<Fly, { until: number }>, now: number): Fly[] {
  const names = namesOf(prefix)
  const isWide = names.length === 0 || (prefix.family === 6 && prefix.length === 64)
  const candidates = isWide ? [...stuck.keys()].filter(fly => overlaps(prefix, prefixOf(fly))) : names
  return candidates.filter(fly => (stuck.get(fly)?.until ?? 0) > now)
}

/** Takes out a fly that somebody put into the set by hand; false when it is not there. */
function take(firewall: Firewall, fly: Fly): boolean {
  const { set, element } = elementOf(fly)
  return typeof element === 'string' && firewall.take(set, element)
}

function remove(firewall: Firewall, flies: readonly Fly[]): void {
  const changes: Change[] = []
  for (const wanted of FLY_SETS.filter(isIn(firewall))) {
    const elements = flies.map(elementOf).filter(({ set }) => set === wanted)
    if (elements.length > 0) changes.push({ change: 'remove', set: wanted, elements })
  }
  if (changes.length > 0) firewall.change(changes)
}

/** Without a daemon the sets may be gone: after `stop`, or when somebody has flushed the ruleset. */
function isIn(firewall: Firewall): (set: string) => boolean {
  const sets = firewall.look()?.sets ?? []
  return name => sets.some(set => set.name === name)
}

function secondsLeft(end: number, now: number): number | undefined {
  return end === Number.POSITIVE_INFINITY ? undefined : Math.max(1, Math.round((end - now) / 1000))
}
