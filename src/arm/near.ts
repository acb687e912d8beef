/** Who is near, as one value: own addresses, gateways and resolvers are never judged, and flies are named accordingly. */
import type { Address, Prefix } from '../terms/address.ts'
import { type Fly, flyNamer } from '../terms/fly.ts'
import { type Neighbourhood, ownPrefixes, singlePrefixes } from './surroundings.ts'

export interface Near {
  readonly neighbourhood: Neighbourhood
  /** Own addresses, gateways and resolvers. */
  readonly prefixes: readonly Prefix[]
  /** Whether it is an address of this machine. */
  owns(address: Address): boolean
  /** The fly that a source belongs to. */
  nameFly(source: Address): Fly
}

export function nearOf(neighbourhood: Neighbourhood, never: readonly Prefix[]): Near {
  const own = new Set(neighbourhood.own)
  return {
    neighbourhood,
    prefixes: ownPrefixes(neighbourhood),
    owns: address => own.has(address),
    nameFly: flyNamer(singlePrefixes(neighbourhood, never)),
  }
}

/** Whether both are of the same addresses and links. */
export function isSameNear({ neighbourhood: one }: Near, other: Neighbourhood): boolean {
  return textOf(one) === textOf(other)
}

function textOf({ own, gateways, resolvers, onLink6 }: Neighbourhood): string {
  return JSON.stringify([own, gateways, resolvers, onLink6.map(({ text }) => text)])
}
