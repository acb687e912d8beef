/** Flies as changes of the kernel's sets. */

import type { Address, Prefix } from '../terms/address.ts'
import { BY_HAND_OF, elementOf, FLY_SETS, type Fly, type FlySet } from '../terms/fly.ts'
import type { Change } from './firewall.ts'

/** A fly with the seconds it has left; without: for ever. */
export interface TimedFly {
  readonly fly: Fly
  readonly seconds?: number | undefined
}

/** Adds flies that are not in the sets. */
export function newFlyChanges(flies: readonly TimedFly[]): Change[] {
  const bySet = elementsOf(flies)
  return FLY_SETS.filter(set => bySet[set].length > 0).map(set => ({
    change: 'add',
    set,
    elements: bySet[set],
  }))
}

/**
 * Adds flies, or sets the time left of those that are there: before kernel 6.12 adding an element again does not
 * change its timeout, so each is removed in the same transaction.
 */
export function flyChanges(flies: readonly TimedFly[]): Change[] {
  return newFlyChanges(flies).flatMap(addition => [{ ...addition, change: 'remove' } as Change, addition])
}

/** Says of hosts that a person has locked them out, and for how long; of prefixes it goes without saying. */
export function byHandChanges(flies: readonly TimedFly[]): Change[] {
  const bySet = elementsOf(flies)
  return (['flypaper', 'flypaper6'] as const).flatMap(set => {
    const elements = bySet[set]
    if (elements.length === 0) return []
    return (['remove', 'add'] as const).map(change => ({ change, set: BY_HAND_OF[set]!, elements }))
  })
}

export interface FlyElement {
  readonly element: Address | Prefix
  readonly seconds?: number | undefined
}

export function elementsOf(flies: Iterable<TimedFly>): Record<FlySet, FlyElement[]> {
  const bySet: Record<FlySet, FlyElement[]> = {
    flypaper: [],
    flypaper6: [],
    flypaper_nets: [],
    flypaper_nets6: [],
  }
  for (const { fly, seconds } of flies) {
    const { set, element } = elementOf(fly)
    bySet[set].push({ element, seconds })
  }
  return bySet
}
