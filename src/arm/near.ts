/** Who is near, as one value: own addresses, gateways and resolvers are never judged, and flies are named accordingly. */
import type { Settings } from '../settings/settings.ts'
import type { Address, Prefix } from '../terms/address.ts'
import { type Fly, flyNamer } from '../terms/fly.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import { type Neighbourhood, ownPrefixes, singlePrefixes } from './surroundings.ts'

export interface Near {
  readonly neighbourhood: Neighbourhood
  /** Own addresses, gateways and resolvers. */
  readonly prefixes: readonly Prefix[]
  /** Where IPv6 hosts stick one by one. */
  readonly singles: PrefixSet
  /** Whether it is an address of this machine. */
  owns(address: Address): boolean
  /** The fly that a source belongs to. */
  nameFly(source: Address): Fly
}

export function nearOf(
  neighbourhood: Neighbourhood,
  never: PrefixSet,
  shared: Pick<Settings['shared'], 'single'>,
): Near {
  const singles = singlePrefixes(neighbourhood, never, shared)
  const own = new Set(neighbourhood.own)
  return {
    neighbourhood,
    prefixes: ownPrefixes(neighbourhood),
    owns: address => own.has(address),
    singles,
    nameFly: flyNamer(singles),
  }
}

/** Whether both are of the same addresses and links. */
export function isSameNear({ neighbourhood: one }: Near, other: Neighbourhood): boolean {
  return textOf(one) === textOf(other)
}

function textOf({ own, gateways, resolvers, onLink6, links, inside }: Neighbourhood): string {
  const prefixes = [onLink6, links, inside].map(all => all.map(({ text }) => text))
  return JSON.stringify([own, gateways, resolvers, ...prefixes])
}
