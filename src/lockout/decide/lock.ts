/**
 * Lockouts by hand: what a person names is looked at as a packet's source is, then put where all flies are. Who is a fly already
 * stays until the later of both ends, unless `exact` is wanted. Pure.
 */
import { NO_HOSTS } from '../../judge/judge.ts'
import { type Address, covers, overlaps, type Prefix } from '../../terms/address.ts'
import type { Seconds } from '../../terms/duration.ts'
import { type Fly, isNet, prefixOf } from '../../terms/fly.ts'
import type { PrefixSet } from '../../terms/prefix-set.ts'
import type { Flies, Term } from '../flies.ts'
import { endOf, type Lockout, type Memory, type Prolongation } from '../lockout.ts'
import { type Decision, decision, leaving } from './decision.ts'
import { outweighed } from './leave.ts'
import { inRoom, type Room } from './room.ts'

export interface Wish {
  readonly prefix: Prefix
  /** Undefined: no time was said. Whoever is no fly yet then stays for `usual`, and a fly as long as it does. */
  readonly length: Seconds | 'forever' | undefined
}

export interface LockOrder {
  readonly by: string
  /** Why, in the words of that person. */
  readonly note?: string | undefined
  /** Also prefixes wider than WIDEST. */
  readonly force: boolean
  /** The end that is wanted, also where a fly would stay longer. */
  readonly exact?: boolean | undefined
}

/** Why somebody is not locked out by hand. */
export type Refusal = 'never-list' | 'near' | 'no-host' | 'too-wide' | 'within' | 'too-many' | 'full'

export interface Locked {
  /** Who became a fly, and who stays until another time now. */
  readonly locked: readonly Fly[]
  /** Who is a fly already, for at least as long. */
  readonly kept: readonly Fly[]
  readonly refused: readonly { readonly who: string; readonly why: Refusal }[]
}

/** Prefixes with fewer bits than these need to be forced. */
export const WIDEST = { 4: 16, 6: 32 } as const
/** Prefixes in force at most: a set of intervals is slow to change when it is large. */
export const NETS_MAX = 1000
/** An end that is later by less than this share of the length is the same: a list that is imported again and again changes nothing. */
const SAME_SHARE = 1 / 10

export interface Locking {
  readonly flies: Flies
  /** How long, where no time was said. */
  readonly usual: Seconds | 'forever'
  readonly room: Room
  /** Who is never locked out: the never-list of the settings, and what is near. */
  readonly never: PrefixSet
  readonly near: readonly Prefix[]
  readonly nameFly: (source: Address) => Fly
  readonly pastOf: Memory['pastOf']
}

export function lock(
  wishes: readonly Wish[],
  order: LockOrder,
  locking: Locking,
  now: number,
): Locked & { readonly decision: Decision } {
  const { flies, nameFly, usual } = locking
  const nets = new Map(flies.nets(now).map(fly => [fly, prefixOf(fly)]))
  const wanted = new Map<Fly, Wish>()
  const kept: Fly[] = []
  const refused: { who: string; why: Refusal }[] = []
  const replaced: Fly[] = []
  /** Whether a prefix around what is wanted stays at least as long: then all that is wanted is so already. */
  const outlasts = (net: Fly, { prefix, length = usual }: Wish) => {
    const term = wanted.has(net) ? termOf(wanted.get(net)!, usual, now) : flies.get(net, now)
    return term !== undefined && staysAnyway(term, { prefix, length }, order, now)
  }
  for (const wish of wishes) {
    const fly = flyOf(wish.prefix, nameFly)
    const why = refusal(wish.prefix, fly, order, locking, nets)
    const term = ordered(flies.get(fly, now))
    if (why === 'within' && around(fly, nets).some(net => outlasts(net, wish))) kept.push(fly)
    else if (why !== undefined) refused.push({ who: wish.prefix.text, why })
    else if (term !== undefined && staysAnyway(term, wish, order, now)) kept.push(fly)
    else {
      if (isNet(fly)) takePlace(fly, wish.prefix, nets, wanted, replaced)
      wanted.set(fly, wish)
    }
  }
  const { by, note } = order
  const prolong: Prolongation[] = []
  const coming: Lockout[] = []
  const before = locking.pastOf([...wanted.keys()])
  for (const [source, { length = usual }] of wanted) {
    const until = length === 'forever' ? length : now + length * 1000
    if (ordered(flies.get(source, now)) !== undefined) prolong.push({ source, until, by, note })
    else {
      const times = (before.get(source)?.times ?? 0) + 1
      coming.push(byHand(source, order, { since: now, until, times }))
    }
  }
  const { enter, leave } = inRoom(coming, flies, locking.room, now)
  const entered = new Set(enter)
  for (const lockout of coming) if (!entered.has(lockout)) refused.push({ who: lockout.source, why: 'full' })
  const gone = replaced.filter(net => flies.has(net))
  const part = { at: now, by, because: 'part of a wider one', counts: true } as const
  return {
    locked: [...enter, ...prolong].map(({ source }) => source),
    kept,
    refused,
    decision: decision({
      leave: [...leave, ...leaving(gone, part), ...outweighed(enter, flies, now)],
      enter,
      prolong,
    }),
  }
}

function byHand(
  source: Fly,
  { by, note }: LockOrder,
  term: Pick<Lockout, 'since' | 'until' | 'times'>,
): Lockout {
  return { source, because: 'by-hand', grade: 'by-hand', by, ...(note !== undefined && { note }), ...term }
}

/** An interval set takes no two intervals that overlap: the wider one takes the place of the narrower. */
function takePlace(
  fly: Fly,
  prefix: Prefix,
  nets: Map<Fly, Prefix>,
  wanted: Map<Fly, Wish>,
  replaced: Fly[],
): void {
  for (const [net, inside] of nets) {
    if (net === fly || !covers(prefix, inside)) continue
    replaced.push(net)
    nets.delete(net)
    wanted.delete(net)
  }
  nets.set(fly, prefix)
}

/** What somebody else says is no order: one takes its place, with its own end. */
function ordered(term: Term | undefined): Term | undefined {
  return term?.testimony === undefined ? term : undefined
}

function staysAnyway(term: Term, { length }: Wish, { exact = false }: LockOrder, now: number): boolean {
  if (length === undefined) return true
  if (length === 'forever') return endOf('forever') === term.until
  const later = now + length * 1000 - term.until
  const same = length * 1000 * SAME_SHARE
  return exact ? Math.abs(later) < same : later < same
}

/** The prefixes in force and wanted of which this one is a part. */
function around(fly: Fly, nets: ReadonlyMap<Fly, Prefix>): Fly[] {
  const wanted = prefixOf(fly)
  return [...nets].flatMap(([net, prefix]) => (net !== fly && covers(prefix, wanted) ? [net] : []))
}

function termOf({ length }: Wish, usual: Seconds | 'forever', now: number): Term {
  const wanted = length ?? usual
  return { since: now, until: wanted === 'forever' ? endOf('forever') : now + wanted * 1000 }
}

/** A single IPv6 address means whatever fly it would be after a packet. */
export function flyOf(prefix: Prefix, nameFly: Locking['nameFly']): Fly {
  return prefix.family === 6 && prefix.length === 128
    ? nameFly(prefix.text as Address)
    : (prefix.text as string as Fly)
}

function refusal(
  prefix: Prefix,
  fly: Fly,
  { force }: LockOrder,
  { never, near }: Locking,
  nets: ReadonlyMap<Fly, Prefix>,
): Refusal | undefined {
  const wanted = prefixOf(fly)
  if (never.overlaps(wanted)) return 'never-list'
  if (near.some(entry => overlaps(entry, wanted))) return 'near'
  if (NO_HOSTS.some(entry => covers(entry, wanted))) return 'no-host'
  if (prefix.length < WIDEST[prefix.family] && !force) return 'too-wide'
  if (!isNet(fly)) return undefined
  if (around(fly, nets).length > 0) return 'within'
  return nets.size >= NETS_MAX && !nets.has(fly) ? 'too-many' : undefined
}
