/** Orders to free, carried out with and without a daemon. Many are freed piece by piece, between which packets have their turn. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Firewall } from '../arm/firewall.ts'
import type { Address, Prefix } from '../terms/address.ts'
import { elementOf, type Fly, isNet } from '../terms/fly.ts'
import { type PrefixSet, prefixSet } from '../terms/prefix-set.ts'
import { commit, type Ledger } from './commit.ts'
import { decision, leaving } from './decide/decision.ts'
import { free } from './decide/leave.ts'
import { isOneHost, namesOf } from './flies.ts'
import { endHolds, endHoldsAcross, endHoldsIn } from './hold.ts'
import type { Release } from './lockout.ts'
import { inPieces } from './pieces.ts'

/** Whom an order to free has met. */
export interface Freed {
  readonly flies: readonly Fly[]
  /** Sources that were only held, and are not any more. */
  readonly held: readonly Fly[]
}

/** Frees those of these that are flies, or that somebody has put into the set by hand, and ends their hold, at once: not for many. */
export function freeThese(sources: readonly Fly[], by: string, ledger: Ledger, now: number): Freed {
  const { firewall, flies } = ledger
  const found = new Set(sources.filter(fly => flies.get(fly, now) !== undefined))
  const others = sources.filter(fly => !found.has(fly))
  const held = attempt(() => endHolds(firewall, sources), ledger)
  const byHand = inSet(firewall, others)
  commit(free([...found], byHand, by, now), ledger, now)
  const freed = [...found, ...byHand]
  return { flies: freed, held: held.filter(fly => !freed.includes(fly)) }
}

/** What the kernel refuses does not keep anybody from being freed: it is armed again then. */
function attempt(end: () => readonly Fly[], { refused }: Ledger): readonly Fly[] {
  try {
    return end()
  } catch (error) {
    refused(error)
    return []
  }
}

/** Those of these hosts that are in the kernel's set. */
function inSet(firewall: Firewall, hosts: readonly Fly[]): readonly Fly[] {
  return (['flypaper', 'flypaper6'] as const).flatMap(set => {
    const byElement = new Map<Address, Fly>()
    for (const fly of hosts) {
      if (isNet(fly)) continue
      const found = elementOf(fly)
      if (found.set === set) byElement.set(found.element as Address, fly)
    }
    if (byElement.size === 0) return []
    return firewall.ask(set, [...byElement.keys()]).map(({ element }) => byElement.get(element)!)
  })
}

export interface Freeing {
  readonly ledger: Ledger
  readonly nameFly: (source: Address) => Fly
  readonly now: () => number
  /** Those of the flies that overlap a wider prefix, or one of very many, which stay all the same. */
  readonly keeps?: ((fly: Fly) => boolean) | undefined
}

/**
 * Frees every fly that overlaps one of the prefixes, and ends the hold of everybody there; `freed` is told of each piece. Single hosts
 * are freed at once, many flies before those who are only held.
 */
export async function freeIn(
  wanted: readonly Prefix[],
  by: string,
  { ledger, nameFly, now, keeps }: Freeing,
  freed: (piece: Freed) => void,
): Promise<void> {
  await inPieces(wanted.flatMap(namesOf), sources => freed(freeThese(sources, by, ledger, now())))
  const wide = wanted.filter(prefix => !isOneHost(prefix))
  if (wide.length === 0) return
  await freeMatching(prefixSet(wide), by, { ledger, now, keeps }, freed)
  await endHoldsIn(ledger.firewall, wide, nameFly, held => freed({ flies: [], held }))
}

/**
 * The same where there are very many prefixes: the index is walked over, and the sets of who is held are read, however many sources the prefixes
 * could have. Whom somebody has put into the kernel's set by hand it does not find.
 */
export async function freeAcross(
  wanted: PrefixSet,
  by: string,
  { ledger, now, keeps }: Omit<Freeing, 'nameFly'>,
  freed: (piece: Freed) => void,
): Promise<void> {
  await freeMatching(wanted, by, { ledger, now, keeps }, freed)
  await endHoldsAcross(ledger.firewall, wanted, held => freed({ flies: [], held }))
}

async function freeMatching(
  wanted: PrefixSet,
  by: string,
  { ledger, now, keeps = () => false }: Omit<Freeing, 'nameFly'>,
  freed: (piece: Freed) => void,
): Promise<void> {
  for (const found of ledger.flies.matching(wanted, now())) {
    const piece = found.filter(fly => !keeps(fly))
    if (piece.length > 0) freed(freeThese(piece, by, ledger, now()))
    await turn()
  }
}

/** To empty a set of many stops everything else for as long as that takes, and the kernel writes 4 KB for each that it announces. */
const EMPTIED_AT_ONCE = 10_000

/**
 * Frees everybody; resolves to how many there were. Whoever is not freed yet when it is cut short is a fly as before, in
 * kernel, history and index.
 */
export async function flush(ledger: Ledger, by: string, now: () => number): Promise<number> {
  const { flies } = ledger
  const release = (): Release => ({ at: now(), by, because: 'flushed', counts: false })
  let count = 0
  if (flies.count(now()) > EMPTIED_AT_ONCE)
    await inPieces(flies.timed(now), piece => {
      const leave = leaving(
        piece.map(({ fly }) => fly),
        release(),
      )
      commit(decision({ leave }), ledger, now())
      count += piece.length
    })
  count += flies.count(now())
  commit(decision({ everybody: release() }), ledger, now())
  return count
}
