/** Keeps the kernel's sets of who is near up to date, and tells the judge. */
import type { Settings } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import type { Firewall } from './firewall.ts'
import { neighbourhoodChanges, ownPrefixes, type Surroundings, singlePrefixes } from './surroundings.ts'

export interface Neighbours {
  /** Own addresses, gateways and resolvers. */
  near(): readonly Prefix[]
  /** IPv6 prefixes whose hosts stick one by one. */
  singles(): readonly Prefix[]
  /** Looks again, and changes the kernel's sets if anything has changed. */
  refresh(): void
}

export function followNeighbours(
  firewall: Firewall,
  surroundings: Surroundings,
  never: Settings['never'],
): Neighbours {
  let current = surroundings.neighbourhood()
  let near = ownPrefixes(current)
  let singles = singlePrefixes(current, never)
  return {
    near: () => near,
    singles: () => singles,
    refresh() {
      const now = surroundings.neighbourhood()
      if (JSON.stringify(textOf(now)) === JSON.stringify(textOf(current))) return
      firewall.change(neighbourhoodChanges(now, never))
      current = now
      near = ownPrefixes(now)
      singles = singlePrefixes(now, never)
    },
  }
}

function textOf({
  own,
  gateways,
  resolvers,
  onLink6,
}: ReturnType<Surroundings['neighbourhood']>): string[][] {
  return [[...own], [...gateways], [...resolvers], onLink6.map(prefix => prefix.text)]
}
