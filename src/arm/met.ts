/** Whom this machine has to do with now: their time in the sets is renewed. Strangers fill these sets, too, so there may be no room. */
import { type Address, familyOf } from '../terms/address.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import { type Change, type ElementValue, type Firewall, SetFull } from './firewall.ts'
import { type Called, CONNECTED_MAX } from './surroundings.ts'

interface Met {
  readonly set: 'flypaper_known' | 'flypaper_known6' | 'flypaper_peers' | 'flypaper_peers6'
  readonly elements: readonly Address[]
}

type NameFly = (source: Address) => Fly

/**
 * Whoever is connected is known, also when the connection is older than the trap or has been quiet for long. What a fly does at a public
 * port makes it no acquaintance.
 */
export function connectedHosts(
  connected: readonly Address[],
  nameFly: NameFly,
  isFly: (fly: Fly) => boolean = () => false,
): readonly Met[] {
  const known = connected.slice(0, CONNECTED_MAX).filter(host => !isFly(nameFly(host)))
  return metIn('flypaper_known', known, nameFly)
}

/** With whom a connection lives that was opened from here, or behind us, stays one that we talk to. */
export function hostsInUse(inUse: readonly Address[], nameFly: NameFly): readonly Met[] {
  return metIn('flypaper_peers', inUse, nameFly)
}

/** Elements of the sets of known clients: hosts that are known by a name. */
export interface NamedElements {
  /** Of whom the kernel knows, with the seconds that are left. */
  left(): ReadonlyMap<Address, number>
  /** They are known for so long, whatever they were before. Tells whether there was room for all. */
  keep(elements: readonly Address[], seconds: number): boolean
  remove(elements: readonly Address[]): void
}

export function namedElements(
  firewall: Pick<Firewall, 'change' | 'ask'>,
  elements: readonly Address[],
): NamedElements {
  return {
    left: () =>
      new Map(
        bySet(elements).flatMap(([set, those]) =>
          firewall.ask(set, those).map(({ element, expires = 0 }) => [element, expires] as const),
        ),
      ),
    keep(those, seconds) {
      try {
        for (const [set, ofSet] of bySet(those)) firewall.change(renewing(set, ofSet, seconds))
        return true
      } catch (error) {
        if (!(error instanceof SetFull)) throw error
        return false
      }
    },
    remove(those) {
      for (const [set, ofSet] of bySet(those))
        firewall.change([{ change: 'remove', set, elements: ofSet.map(element => ({ element })) }])
    },
  }
}

function bySet(
  elements: readonly Address[],
): readonly (readonly ['flypaper_known' | 'flypaper_known6', Address[]])[] {
  const of = (family: 4 | 6) => elements.filter(element => familyOf(element) === family)
  return (
    [
      ['flypaper_known', of(4)],
      ['flypaper_known6', of(6)],
    ] as const
  ).filter(([, those]) => those.length > 0)
}

/** Where a set has no room for all of them, the time of those who are in it is renewed all the same. */
export function renew(firewall: Pick<Firewall, 'change' | 'ask'>, met: readonly Met[]): void {
  for (const { set, elements } of met) {
    try {
      firewall.change(renewing(set, elements))
    } catch (error) {
      if (!(error instanceof SetFull)) throw error
      firewall.change(
        renewing(
          set,
          firewall.ask(set, elements).map(({ element }) => element),
        ),
      )
    }
  }
}

/** Flows of ours to who sticks. Those for which there is no room are let in from our next packet on, as ever. */
export function renewCalled(firewall: Pick<Firewall, 'change'>, called: readonly Called[]): void {
  const { four = [], six = [] } = Object.groupBy(called, ([host]) => (familyOf(host) === 4 ? 'four' : 'six'))
  for (const [set, flows] of [
    ['flypaper_called', four],
    ['flypaper_called6', six],
  ] as const)
    try {
      if (flows.length > 0) firewall.change(renewing(set, flows))
    } catch (error) {
      if (!(error instanceof SetFull)) throw error
    }
}

/** Adding an element again would not renew its time, so each is taken out in the same transaction. `seconds`: the set's own unless told. */
function renewing(
  set: Met['set'] | 'flypaper_called' | 'flypaper_called6',
  those: readonly ElementValue[],
  seconds?: number,
): readonly Change[] {
  const elements = those.map(element => ({ element, ...(seconds !== undefined && { seconds }) }))
  return (['remove', 'add'] as const).map(change => ({ change, set, elements }))
}

function metIn(
  four: 'flypaper_known' | 'flypaper_peers',
  hosts: readonly Address[],
  nameFly: NameFly,
): readonly Met[] {
  return ([4, 6] as const).flatMap(family => {
    const own = hosts.filter(host => familyOf(host) === family)
    const elements = [...new Set(own.map(host => elementOf(nameFly(host)).element as Address))]
    return elements.length === 0 ? [] : [{ set: family === 4 ? four : (`${four}6` as const), elements }]
  })
}
