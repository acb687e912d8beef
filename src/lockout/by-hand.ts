/** Lockouts by hand: what a person names is looked at as a packet's source is, then put where all flies are. */
import type { Firewall } from '../arm/firewall.ts'
import { flyChanges } from '../arm/flies.ts'
import { NO_HOSTS } from '../judge/judge.ts'
import { type Address, covers, overlaps, type Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'
import { type Fly, isNet, prefixOf } from '../terms/fly.ts'
import type { Flies } from './flies.ts'
import { endOf, type Lockout, type Memory } from './lockout.ts'

export interface Wish {
  readonly prefix: Prefix
  readonly length: Seconds | 'forever'
}

export interface Order {
  readonly by: string
  /** Why, in the words of that person. */
  readonly note?: string | undefined
  /** Also prefixes wider than WIDEST. */
  readonly force: boolean
  /** Who is never locked out: the never-list of the settings, and what is near. */
  readonly never: readonly Prefix[]
  readonly near: readonly Prefix[]
}

/** Why somebody is not locked out by hand. */
export type Refusal = 'never-list' | 'near' | 'no-host' | 'too-wide' | 'within' | 'too-many'

export interface Locked {
  readonly lockouts: readonly Lockout[]
  readonly refused: readonly { readonly who: string; readonly why: Refusal }[]
}

/** Prefixes with fewer bits than these need to be forced. */
export const WIDEST = { 4: 16, 6: 32 } as const
/** Prefixes in force at most: a set of intervals is slow to change when it is large. */
export const NETS_MAX = 1000

interface Hand {
  readonly firewall: Firewall
  readonly memory: Memory
  readonly nameFly: (source: Address) => Fly
  readonly flies: Flies
}

export function lockByHand(hand: Hand, wishes: readonly Wish[], order: Order, now: number): Locked {
  const { firewall, memory, nameFly, flies } = hand
  const lockouts = new Map<Fly, Lockout>()
  const refused: { who: string; why: Refusal }[] = []
  const nets = new Map(flies.nets(now).map(fly => [fly, prefixOf(fly)]))
  const replaced: Fly[] = []
  for (const { prefix, length } of wishes) {
    const fly = flyOf(prefix, nameFly)
    const why = refusal(prefix, fly, order, nets)
    if (why !== undefined) {
      refused.push({ who: prefix.text, why })
      continue
    }
    if (isNet(fly)) {
      // An interval set takes no two intervals that overlap: the wider one takes the place of the narrower.
      for (const [net, inside] of nets) if (net !== fly && covers(prefix, inside)) replaced.push(net)
      for (const net of replaced) {
        nets.delete(net)
        lockouts.delete(net)
      }
      nets.set(fly, prefix)
    }
    const times = (memory.timesBefore([fly]).get(fly) ?? 0) + 1
    const until = length === 'forever' ? length : now + length * 1000
    const { by, note } = order
    lockouts.set(fly, {
      source: fly,
      because: 'by-hand',
      by,
      ...(note !== undefined && { note }),
      since: now,
      until,
      times,
    })
  }
  const gone = replaced.filter(net => flies.has(net))
  const timed = [...lockouts.values()].map(({ source, until }) => ({
    fly: source,
    seconds: until === 'forever' ? undefined : Math.round((until - now) / 1000),
  }))
  if (gone.length > 0) firewall.change(removals(gone))
  if (timed.length > 0) firewall.change(flyChanges(timed))
  memory.release(gone, { at: now, by: order.by, because: 'part of a wider one', counts: true })
  memory.add([...lockouts.values()])
  for (const net of gone) flies.delete(net)
  for (const { source, since, until } of lockouts.values()) flies.put(source, { since, until: endOf(until) })
  return { lockouts: [...lockouts.values()], refused }
}

/** A single IPv6 address means whatever fly it would be after a packet. */
function flyOf(prefix: Prefix, nameFly: Hand['nameFly']): Fly {
  return prefix.family === 6 && prefix.length === 128
    ? nameFly(prefix.text as Address)
    : (prefix.text as string as Fly)
}

function refusal(
  prefix: Prefix,
  fly: Fly,
  order: Order,
  nets: ReadonlyMap<Fly, Prefix>,
): Refusal | undefined {
  const wanted = prefixOf(fly)
  if (order.never.some(entry => overlaps(entry, wanted))) return 'never-list'
  if (order.near.some(entry => overlaps(entry, wanted))) return 'near'
  if (NO_HOSTS.some(entry => covers(entry, wanted))) return 'no-host'
  if (prefix.length < WIDEST[prefix.family] && !order.force) return 'too-wide'
  if (!isNet(fly)) return undefined
  if ([...nets].some(([net, around]) => net !== fly && covers(around, wanted))) return 'within'
  return nets.size >= NETS_MAX && !nets.has(fly) ? 'too-many' : undefined
}

function removals(flies: readonly Fly[]) {
  return flyChanges(flies.map(fly => ({ fly }))).filter(({ change }) => change === 'remove')
}
