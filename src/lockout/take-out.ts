/** Flies leave the kernel's sets. */
import type { Change, Firewall } from '../arm/firewall.ts'
import type { Address } from '../terms/address.ts'
import { elementOf, FLY_SETS, type Fly, isNet } from '../terms/fly.ts'

/**
 * Takes these out of the sets, where there are sets: without a daemon they may be gone, after `stop`, or when somebody has flushed the
 * ruleset. Tells which of the hosts were there.
 */
export function takeOut(firewall: Firewall, leaving: readonly Fly[]): readonly Fly[] {
  const gone = (['flypaper', 'flypaper6'] as const).flatMap(set => {
    const flies = new Map<Address, Fly>()
    for (const fly of leaving) {
      const found = elementOf(fly)
      if (found.set === set) flies.set(found.element as Address, fly)
    }
    if (flies.size === 0) return []
    return firewall.take(set, [...flies.keys()]).map(element => flies.get(element)!)
  })
  const nets = leaving.filter(isNet)
  if (nets.length === 0) return gone
  const sets = firewall.look()?.sets ?? []
  const changes = removals(nets).filter(({ set }) => sets.some(({ name }) => name === set))
  if (changes.length > 0) firewall.change(changes)
  return gone
}

export function removals(flies: readonly Fly[]): Extract<Change, { change: 'remove' }>[] {
  return FLY_SETS.flatMap(set => {
    const elements = flies.map(elementOf).filter(element => element.set === set)
    return elements.length === 0 ? [] : [{ change: 'remove', set, elements }]
  })
}
