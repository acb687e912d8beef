/**
 * What a listing of a set differs in from the index is looked at again, fly by fly, in the moment in which it is acted upon: a
 * listing may leave out who is there all the time, and who is in it may have gone meanwhile. No fly is free because of that, nor stuck.
 */
import type { Firewall, TableView } from '../arm/firewall.ts'
import type { TimedFly } from '../arm/flies.ts'
import type { Flies } from '../lockout/flies.ts'
import type { Address } from '../terms/address.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import type { KernelSets } from './kernel-sets.ts'

export interface LookWorld {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly flies: Flies
  readonly now: () => number
}

type HostSet = 'flypaper' | 'flypaper6'

export interface SecondLook {
  /** Those that are flies, and not in the set. Throws when it is not the same set any more: then nobody has freed them. */
  absent(set: HostSet, missing: readonly Fly[]): Fly[]
  /** Those that are in the set, and no flies. */
  present(set: HostSet, extra: readonly TimedFly[]): TimedFly[]
}

/** To be made before the sets are listed. */
export function secondLook({ firewall, kernelSets, flies: index, now }: LookWorld): SecondLook {
  const identity = () => identityOf(firewall.look(), kernelSets.place())
  const listed = identity()
  const isFly = (fly: Fly) => index.get(fly, now()) !== undefined

  function find(set: HostSet, flies: readonly Fly[]): ReadonlySet<string> {
    const found = kernelSets.find(set, flies.map(elementTextOf))
    if (found === undefined || identity() !== listed) throw new Error('somebody has replaced them meanwhile')
    return found
  }

  return {
    absent(set, missing) {
      const flies = missing.filter(isFly)
      if (flies.length === 0) return []
      const found = find(set, flies)
      return flies.filter(fly => !found.has(elementTextOf(fly)))
    },
    present(set, extra) {
      const unknown = extra.filter(({ fly }) => !isFly(fly))
      if (unknown.length === 0) return []
      const found = find(
        set,
        unknown.map(({ fly }) => fly),
      )
      return unknown.filter(({ fly }) => found.has(elementTextOf(fly)))
    },
  }
}

/** The sets that are listed hold single addresses. */
function elementTextOf(fly: Fly): Address {
  return elementOf(fly).element as Address
}

/** Names the sets that hold the flies: those of another boot, network namespace or table are others. */
export function identityOf(table: TableView | undefined, place: string): string {
  const handleOf = (name: string) => table?.sets.find(set => set.name === name)?.handle
  const handles = [table?.handle, handleOf('flypaper'), handleOf('flypaper6')]
  return handles.includes(undefined) ? '' : [place, ...handles].join(' ')
}
