/** Who is a fly no more: freed by a person, spared by new settings, or taken out of the kernel's set by somebody else. Pure. */
import type { Address, Prefix } from '../../terms/address.ts'
import { type AddressKey, addressKey } from '../../terms/address-bytes.ts'
import { type Fly, setOf } from '../../terms/fly.ts'
import { type PrefixSet, prefixesIn, prefixSet, unionOf } from '../../terms/prefix-set.ts'
import { type Flies, isOneHost, namesOf } from '../flies.ts'
import type { Lockout, Release } from '../lockout.ts'
import { type Decision, decision, type Leaving, leaving } from './decision.ts'

/** Frees these flies, whose time does not count as a repeat; `byHand` are in the kernel's set alone. */
export function free(flies: readonly Fly[], byHand: readonly Fly[], by: string, now: number): Decision {
  return decision({ leave: leaving(flies, freed(by, now)), evict: byHand })
}

/** Somebody else has taken these out of the kernel's set. */
export function released(gone: readonly Fly[], by: string, flies: Flies, now: number): Decision {
  const found = gone.filter(fly => flies.get(fly, now) !== undefined)
  return decision({ leave: leaving(found, freed(by, now), false), unhold: found })
}

/** Prefixes of a never-list whose hosts are taken out of the kernel's set by their names, also where the index knows of none. */
const NAMED_MAX = 4096

export interface Spared {
  /** The never-list of the settings: nobody of it is a fly. */
  readonly never: PrefixSet
  /** What the settings name, who is near, or no host: the kernel drops IPv4 hosts of the set without asking, so none of these may be in it. */
  readonly unasked: readonly Prefix[]
}

/**
 * IPv4 hosts that are never locked out leave, and with them whoever else has put into the kernel's set, which drops them unasked. Of IPv6
 * and of whole prefixes the kernel asks the never-list first: those can be freed piece by piece.
 */
export function spare({ never, unasked }: Spared, flies: Flies, now: number): Decision {
  const isShort = never.size <= NAMED_MAX
  const named = [...(isShort ? prefixesIn(never) : []), ...unasked]
  const hosts = new Set(named.flatMap(namesOf).filter(isUnasked))
  const nets = prefixSet(named.filter(prefix => prefix.family === 4 && !isOneHost(prefix)))
  const wide = isShort ? nets : unionOf([never, nets])
  for (const piece of flies.matching(wide, now)) for (const fly of piece) if (isUnasked(fly)) hosts.add(fly)
  const found = [...hosts].filter(fly => flies.get(fly, now) !== undefined)
  const isOfNever = (fly: Fly) => never.has(keyOf(fly))
  const { of = [], others = [] } = Object.groupBy(found, fly => (isOfNever(fly) ? 'of' : 'others'))
  return decision({
    leave: [...leaving(of, freed('the never-list', now)), ...leaving(others, freed('flypaperd', now))],
    evict: [...hosts].filter(fly => flies.get(fly, now) === undefined),
  })
}

/** Those of these that the kernel would drop without asking who is never locked out: docs/decisions/0007-unasked.md. */
export function sparedAmong(found: readonly Fly[], { never, unasked }: Spared): readonly Fly[] {
  const others = prefixSet(unasked)
  return found.filter(fly => isUnasked(fly) && (never.has(keyOf(fly)) || others.has(keyOf(fly))))
}

function keyOf(host: Fly): AddressKey {
  return addressKey(host as string as Address)
}

/** An IPv4 host. */
function isUnasked(fly: Fly): boolean {
  return setOf(fly) === 'flypaper'
}

/** Those who were flies by testimony alone, and for whom there is more now. It counts nothing. */
export function outweighed(enter: readonly Lockout[], flies: Flies, now: number): readonly Leaving[] {
  const gone = enter.map(({ source }) => source).filter(fly => flies.get(fly, now)?.testimony !== undefined)
  return leaving(gone, { at: now, by: 'flypaperd', because: 'replaced', counts: false })
}

function freed(by: string, now: number): Release {
  return { at: now, by, because: 'freed', counts: false }
}
