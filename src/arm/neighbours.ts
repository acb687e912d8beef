/** Keeps the kernel's sets of who is near up to date, tells the judge, and names flies accordingly. */
import type { Settings } from '../settings/settings.ts'
import type { Address, Prefix } from '../terms/address.ts'
import { type Fly, flyNamer } from '../terms/fly.ts'
import type { Firewall } from './firewall.ts'
import {
  type Neighbourhood,
  neighbourhoodChanges,
  ownPrefixes,
  type Surroundings,
  singlePrefixes,
} from './surroundings.ts'

export interface Neighbours {
  /** Own addresses, gateways and resolvers. */
  near(): readonly Prefix[]
  /** Whether it is an address of this machine. */
  owns(address: Address): boolean
  /** The fly that a source belongs to. */
  nameFly(source: Address): Fly
  /**
   * Looks again, and changes the kernel's sets if anything has changed; `expel` then gets who is near. Where one of the two
   * throws, all is tried again at the next look.
   */
  refresh(expel: (near: readonly Prefix[]) => void): void
}

export function followNeighbours(
  firewall: Firewall,
  surroundings: Surroundings,
  never: Settings['never'],
): Neighbours {
  let seen: Neighbourhood
  let near: readonly Prefix[]
  let nameFly: (source: Address) => Fly

  function take(now: Neighbourhood): void {
    seen = now
    near = ownPrefixes(now)
    nameFly = flyNamer(singlePrefixes(now, never))
  }

  take(surroundings.neighbourhood())
  return {
    near: () => near,
    owns: address => seen.own.includes(address),
    nameFly: source => nameFly(source),
    refresh(expel) {
      const now = surroundings.neighbourhood()
      if (textOf(now) === textOf(seen)) return
      firewall.change(neighbourhoodChanges(now, never))
      expel(ownPrefixes(now))
      take(now)
    },
  }
}

function textOf({ own, gateways, resolvers, onLink6 }: Neighbourhood): string {
  return JSON.stringify([own, gateways, resolvers, onLink6.map(prefix => prefix.text)])
}
