/** A lockout of the history as programs read it, and back. Pure. */
import type { LockoutRow } from '../history/lockout-row.ts'
import { lockoutFacts } from '../log/sentence.ts'
import type { LockoutFacts, WhyAnswer } from './control/past-protocol.ts'
import type { Known } from './known.ts'
import { type Reachable, reachableBy, reachablePorts } from './reachable.ts'

/** Times in ISO 8601, UTC; what is not known is left out. */
export function factsOfRow(row: LockoutRow): object {
  const { released } = row
  const at = released && new Date(released.at).toISOString()
  return { ...lockoutFacts(row), ...(released && { released: { ...released, at } }) }
}

/** What `list --json` tells of a fly. */
export function factsOfFly(row: LockoutRow, still: Reachable): object {
  return { ...lockoutFacts(row), ...reachableFact(row, still) }
}

/** What somebody who sticks still reaches; nothing where that is nothing. */
export function reachableFact(who: Parameters<typeof reachableBy>[0], still: Reachable): object {
  const ports = reachablePorts(reachableBy(who, still))
  return ports.length > 0 ? { reachable: ports } : {}
}

/** What was found out of a source, but for what is the same of all. */
export function factsOfKnown({
  who,
  never,
  names = [],
  neverByHand,
  held,
  packets,
  lockouts,
  around,
  alsoTried,
  sightings,
}: Known) {
  return {
    who,
    ...(never !== undefined && { never }),
    ...(names.length > 0 && { names: [...names] }),
    ...(neverByHand !== undefined && { neverByHand }),
    ...(held !== undefined && { held }),
    ...(packets !== undefined && { packets }),
    lockouts: lockouts.map(factsOfRow),
    around: around.map(factsOfRow),
    ...(alsoTried && { alsoTried: { ...alsoTried, last: iso(alsoTried.last) } }),
    sightings: sightings.map(({ first, last, ...rest }) => ({ ...rest, first: iso(first), last: iso(last) })),
  }
}

/** What was told by factsOfKnown. */
export function knownOfFacts({ lockouts, around, alsoTried, sightings, ...facts }: WhyAnswer): Known {
  const known: object = {
    ...facts,
    isAsked: true,
    lockouts: lockouts.map(rowOfFacts),
    around: around.map(rowOfFacts),
    ...(alsoTried && { alsoTried: { ...alsoTried, last: Date.parse(alsoTried.last) } }),
    sightings: sightings.map(({ first, last, ...rest }) => ({
      ...rest,
      first: Date.parse(first),
      last: Date.parse(last),
    })),
  }
  return known as Known
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** What was told by factsOfRow. */
export function rowOfFacts({ reachable: _, since, until, released, ...facts }: LockoutFacts): LockoutRow {
  const row: object = {
    ...facts,
    since: Date.parse(since),
    until: until === 'forever' ? until : Date.parse(until),
    ...(released && { released: { ...released, at: Date.parse(released.at) } }),
  }
  return row as LockoutRow
}
