/** Who is a fly no more: freed by a person, spared by new settings, or taken out of the kernel's set by somebody else. Pure. */
import type { Address, Prefix } from '../../terms/address.ts'
import { type Fly, setOf } from '../../terms/fly.ts'
import { isIn } from '../../terms/prefix-set.ts'
import { type Flies, isOneHost, namesOf } from '../flies.ts'
import type { Release } from '../lockout.ts'
import { type Decision, decision, leaving } from './decision.ts'

/** Frees these flies, whose time does not count as a repeat; `byHand` are in the kernel's set alone. */
export function free(flies: readonly Fly[], byHand: readonly Fly[], by: string, now: number): Decision {
  return decision({ leave: leaving(flies, freed(by, now)), evict: byHand })
}

/** Somebody else has taken these out of the kernel's set. */
export function released(gone: readonly Fly[], by: string, flies: Flies, now: number): Decision {
  const found = gone.filter(fly => flies.get(fly, now) !== undefined)
  return decision({ leave: leaving(found, freed(by, now), false), unhold: found })
}

export interface Spared {
  /** The never-list of the settings: nobody of it is a fly. */
  readonly never: readonly Prefix[]
  /** Who is near, or no host: the kernel drops IPv4 hosts of the set without asking, so none of these may be in it. */
  readonly unasked: readonly Prefix[]
}

/**
 * IPv4 hosts that are never locked out leave, and with them whoever else has put into the kernel's set, which drops them unasked. Of IPv6
 * and of whole prefixes the kernel asks the never-list first: those can be freed piece by piece.
 */
export function spare({ never, unasked }: Spared, flies: Flies, now: number): Decision {
  const all = [...never, ...unasked]
  const hosts = new Set(all.flatMap(namesOf).filter(isUnasked))
  const wide = all.filter(prefix => prefix.family === 4 && !isOneHost(prefix))
  for (const piece of flies.matching(wide, now)) for (const fly of piece) if (isUnasked(fly)) hosts.add(fly)
  const found = [...hosts].filter(fly => flies.get(fly, now) !== undefined)
  const isOfNever = (fly: Fly) => isIn(fly as string as Address, never)
  const { of = [], others = [] } = Object.groupBy(found, fly => (isOfNever(fly) ? 'of' : 'others'))
  return decision({
    leave: [...leaving(of, freed('the never-list', now)), ...leaving(others, freed('flypaperd', now))],
    evict: [...hosts].filter(fly => flies.get(fly, now) === undefined),
  })
}

/** Those of these that the kernel would drop without asking who is never locked out: docs/decisions/0007-unasked.md. */
export function sparedAmong(found: readonly Fly[], { never, unasked }: Spared): readonly Fly[] {
  const all = [...never, ...unasked]
  return found.filter(fly => isUnasked(fly) && isIn(fly as string as Address, all))
}

/** An IPv4 host. */
function isUnasked(fly: Fly): boolean {
  return setOf(fly) === 'flypaper'
}

function freed(by: string, now: number): Release {
  return { at: now, by, because: 'freed', counts: false }
}
