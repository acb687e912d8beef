/** The hold is the kernel's own; here it only ends, when the daemon has found its source innocent or was told to. */
import type { Change, Firewall } from '../arm/firewall.ts'
import { overlaps, type Prefix } from '../terms/address.ts'
import { elementOf, type Fly, flyOfElement, prefixOf } from '../terms/fly.ts'

const HOLDS = { flypaper: 'flypaper_hold', flypaper6: 'flypaper_hold6' } as const
/** Held as well, for what is new from them; only closed = "unaccepted" has these sets. */
const PENDING = { flypaper: 'flypaper_pending', flypaper6: 'flypaper_pending6' } as const

export interface Held {
  readonly source: Fly
  /** Seconds until the kernel lets go. */
  readonly seconds: number | undefined
}

/** Who is held now. The sets are small, and the kernel alone knows. */
export function heldNow(firewall: Firewall): readonly Held[] {
  return [...Object.values(HOLDS), ...Object.values(PENDING)].flatMap(set =>
    firewall.elements(set).flatMap(({ element, expires }) => {
      const source = flyOfElement(element)
      return source === undefined ? [] : { source, seconds: expires }
    }),
  )
}

export const HOLD_SETS = [...Object.values(HOLDS), ...Object.values(PENDING)] as const

export function endHolds(firewall: Firewall, sources: readonly Fly[]): void {
  if (sources.length === 0) return
  const changes: Change[] = []
  for (const set of ['flypaper', 'flypaper6'] as const) {
    const elements = sources.map(elementOf).filter(found => found.set === set)
    if (elements.length === 0) continue
    changes.push({ change: 'remove', set: HOLDS[set], elements })
    const pending = new Set<string>(firewall.elements(PENDING[set]).map(({ element }) => element))
    const there = elements.filter(({ element }) => pending.has(String(element)))
    if (there.length > 0) changes.push({ change: 'remove', set: PENDING[set], elements: there })
  }
  if (changes.length > 0) firewall.change(changes)
}

/** Ends the hold of everybody in these prefixes; returns who that was. */
export function endHoldsIn(firewall: Firewall, prefixes: readonly Prefix[]): readonly Fly[] {
  const sources = heldNow(firewall).map(({ source }) => source)
  const found = sources.filter(source => prefixes.some(prefix => overlaps(prefix, prefixOf(source))))
  endHolds(firewall, found)
  return found
}
