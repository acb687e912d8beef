/** Who is a fly no more: freed by a person, spared by new settings, or taken out of the kernel's set by somebody else. Pure. */
import { type Address, isIn, type Prefix } from '../../terms/address.ts'
import { type Fly, setOf } from '../../terms/fly.ts'
import { type Flies, namesOf } from '../flies.ts'
import type { Release } from '../lockout.ts'
import { type Decision, decision, leaving } from './decision.ts'

/** Frees these flies, whose time does not count as a repeat, and ends their holds. */
export function free(flies: readonly Fly[], by: string, now: number): Decision {
  return decision({ leave: leaving(flies, freed(by, now)), unhold: flies })
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

/** Whoever is never locked out leaves, and with him whoever else has put into the kernel's set. */
export function spare({ never, unasked }: Spared, flies: Flies, now: number): Decision {
  const all = [...never, ...unasked]
  const matching = (prefixes: readonly Prefix[]) => prefixes.flatMap(prefix => flies.matching(prefix, now))
  const ofNever = new Set(matching(never))
  const others = [...new Set(matching(unasked))].filter(fly => isUnasked(fly) && !ofNever.has(fly))
  const named = all.flatMap(namesOf).filter(isUnasked)
  return decision({
    leave: [
      ...leaving([...ofNever], freed('the never-list', now)),
      ...leaving(others, freed('flypaperd', now)),
    ],
    evict: named.filter(fly => !ofNever.has(fly) && !others.includes(fly)),
    unhold: [...ofNever, ...never.flatMap(namesOf)],
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
