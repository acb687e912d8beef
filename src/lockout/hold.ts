/** The hold is the kernel's own; here it only ends, when the daemon has found its source innocent or was told to. */
import type { Firewall } from '../arm/firewall.ts'
import { COUNT_SETS } from '../arm/names.ts'
import { type Address, type Prefix, widen } from '../terms/address.ts'
import { elementMeets, elementOf, type Fly, flyOfElement } from '../terms/fly.ts'
import { type PrefixSet, prefixSet } from '../terms/prefix-set.ts'
import { namesOf } from './flies.ts'
import { flyOfKey } from './fly-key.ts'
import { inPieces } from './pieces.ts'

const SETS = ['flypaper', 'flypaper6'] as const
const HOLDS = { flypaper: 'flypaper_hold', flypaper6: 'flypaper_hold6' } as const
/** Held as well, for what is new from them. */
const PENDING = { flypaper: 'flypaper_pending', flypaper6: 'flypaper_pending6' } as const

export const HOLD_SETS = [...Object.values(HOLDS), ...Object.values(PENDING)] as const
/** Where the kernel counts the different ports that they tried. */
const COUNTS = {
  flypaper: COUNT_SETS.filter(set => !set.endsWith('6')),
  flypaper6: COUNT_SETS.filter(set => set.endsWith('6')),
} as const

export interface Held {
  readonly source: Fly
  /** Seconds until the kernel lets go. */
  readonly seconds: number | undefined
}

/** Who is held now, or who of these prefixes. For one host the kernel is asked; else the sets are read, which strangers fill. */
export async function heldNow(firewall: Firewall, prefixes?: readonly Prefix[]): Promise<readonly Held[]> {
  const names = prefixes?.flatMap(namesOf) ?? []
  const areHosts = prefixes?.every(isHost) ?? false
  const wanted = prefixSet(prefixes ?? [])
  const found: Held[] = []
  for (const set of SETS)
    for (const hold of [HOLDS[set], PENDING[set]]) {
      const elements = areHosts
        ? firewall.ask(hold, elementsIn(set, names))
        : await firewall.read(hold, key => prefixes === undefined || elementMeets(key, wanted))
      for (const { element, expires } of elements)
        found.push({ source: flyOfElement(element)!, seconds: expires })
    }
  return found
}

/** Ends the hold of these, as far as they are held, and tells who was. However many are held: nothing is listed. */
export function endHolds(firewall: Firewall, sources: readonly Fly[]): readonly Fly[] {
  const ended = new Set<string>()
  for (const set of SETS) {
    const elements = elementsIn(set, sources)
    if (elements.length === 0) continue
    for (const hold of [HOLDS[set], PENDING[set]])
      for (const element of firewall.take(hold, elements)) ended.add(element)
  }
  return sources.filter(source => ended.has(String(elementOf(source).element)))
}

/**
 * The kernel counts their ports anew, as the judge does; what it remembers that they tried is no news still. When it refuses, they are free
 * all the same.
 */
export function forgetCounted(
  { firewall, refused }: { readonly firewall: Firewall; refused(error: unknown): void },
  sources: readonly Fly[],
): void {
  try {
    for (const set of SETS) {
      const elements = elementsIn(set, sources)
      if (elements.length > 0) for (const count of COUNTS[set]) firewall.take(count, elements)
    }
  } catch (error) {
    refused(error)
  }
}

function elementsIn(set: (typeof SETS)[number], sources: readonly Fly[]): readonly Address[] {
  return sources.map(elementOf).flatMap(found => (found.set === set ? [found.element as Address] : []))
}

/** Sources of one prefix that the kernel is asked for one by one; of a wider prefix its sets are read. */
const ASKED_MAX = 4096

/**
 * Ends the hold of everybody in these prefixes, piece by piece; `ended` is told of each piece. Of a prefix of few sources (an IPv4 /20, an IPv6
 * /52) everybody is asked for. Else the sets are read: who comes or goes meanwhile may hide another, who then stays
 * held until his time is over.
 */
export async function endHoldsIn(
  firewall: Firewall,
  prefixes: readonly Prefix[],
  nameFly: (source: Address) => Fly,
  ended: (sources: readonly Fly[]) => void,
): Promise<void> {
  const end = (sources: readonly Fly[]) => ended(endHolds(firewall, sources))
  const wide: Prefix[] = []
  for (const prefix of prefixes)
    if (isNarrow(prefix, nameFly)) await inPieces(sourcesIn(prefix), end)
    else wide.push(prefix)
  await endHoldsAcross(firewall, prefixSet(wide), ended)
}

/** The same by reading the sets, however many prefixes there are. */
export async function endHoldsAcross(
  firewall: Firewall,
  wanted: PrefixSet,
  ended: (sources: readonly Fly[]) => void,
): Promise<void> {
  const told = new Set<Address>()
  for (const set of SETS) {
    if (wanted.ranges[set === 'flypaper' ? 4 : 6].length === 0) continue
    const holds = [HOLDS[set], PENDING[set]]
    const found = await Promise.all(holds.map(hold => firewall.read(hold, key => elementMeets(key, wanted))))
    for (const [i, hold] of holds.entries())
      await inPieces(found[i]!, piece => {
        const gone = firewall.take(
          hold,
          piece.map(({ element }) => element),
        )
        const fresh = gone.filter(element => !told.has(element))
        for (const element of fresh) told.add(element)
        ended(fresh.map(element => flyOfElement(element)!))
      })
  }
}

function isHost({ family, length }: Prefix): boolean {
  return length === (family === 4 ? 32 : 128)
}

/** Bits of the sources that a prefix has: IPv4 addresses, or the /64 of IPv6. */
const SOURCE_BITS = { 4: 32, 6: 64 } as const

/** Where hosts of IPv6 stick one by one, nobody can tell who there may be. */
function isNarrow(prefix: Prefix, nameFly: (source: Address) => Fly): boolean {
  if (isHost(prefix)) return true
  if (2 ** (SOURCE_BITS[prefix.family] - prefix.length) > ASKED_MAX) return false
  if (prefix.family === 4) return true
  for (const fly of sourcesIn(prefix)) if (nameFly(elementOf(fly).element as Address) !== fly) return false
  return true
}

/** The sources that there can be in a narrow prefix. */
function* sourcesIn(prefix: Prefix): Generator<Fly> {
  if (isHost(prefix)) return yield* namesOf(prefix)
  const { family, first, last } = widen(prefix, SOURCE_BITS[prefix.family])
  const step = family === 4 ? 1n : 1n << 64n
  const key = new Uint32Array(family === 4 ? 1 : 2)
  for (let source = first; source <= last; source += step) {
    if (family === 4) key[0] = Number(source)
    else {
      key[0] = Number(source >> 96n)
      key[1] = Number((source >> 64n) & 0xffff_ffffn)
    }
    yield flyOfKey(key)
  }
}
