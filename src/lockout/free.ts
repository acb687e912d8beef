/** Orders to free, carried out with and without a daemon. */
import type { Firewall } from '../arm/firewall.ts'
import type { Prefix } from '../terms/address.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import { commit, type Ledger } from './commit.ts'
import { decision, leaving } from './decide/decision.ts'
import { free } from './decide/leave.ts'
import { namesOf } from './flies.ts'
import { endHoldsIn } from './hold.ts'
import type { Release } from './lockout.ts'
import { inPieces } from './pieces.ts'

/** Whom an order to free has met. */
export interface Freed {
  readonly flies: readonly Fly[]
  /** Sources that were only held, and are not any more. */
  readonly held: readonly Fly[]
}

/** Frees every fly that overlaps one of the prefixes, and ends its hold. */
export function freeIn(wanted: readonly Prefix[], by: string, ledger: Ledger, now: number): Freed {
  const { firewall, flies } = ledger
  const found = new Set(wanted.flatMap(prefix => flies.matching(prefix, now)))
  const byHand = wanted.flatMap(namesOf).filter(fly => !found.has(fly) && take(firewall, fly))
  commit(free([...found], by, now), ledger, now)
  const held = endHoldsIn(firewall, wanted)
  return { flies: [...new Set([...found, ...byHand])], held: held.filter(fly => !found.has(fly)) }
}

/** Takes out a fly that somebody put into the set by hand; false when it is not there. */
function take(firewall: Firewall, fly: Fly): boolean {
  const { set, element } = elementOf(fly)
  return typeof element === 'string' && firewall.take(set, element)
}

/** To empty a set of many stops everything else for as long as that takes, and the kernel writes 4 KB for each that it announces. */
const EMPTIED_AT_ONCE = 10_000

/**
 * Frees everybody, many of them piece by piece while packets have their turn; resolves to how many there were. Whoever is not
 * freed yet when it is cut short is a fly as before, in kernel, history and index.
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
