/**
 * What others did to our part of table inet filter, and what it means. Pure.
 *
 * An element that somebody deletes from a set which goes on existing is a fly that he frees; one that he adds is a
 * fly by hand; and one that he deletes from the sets of those who are held ends a hold. A whole prefix comes and goes by the daemon alone. Whatever else somebody does to a set, a chain or a rule of ours leaves half a
 * trap: it is armed again. Where an announcement does not tell whether something has changed (somebody declares what is there), it is looked at.
 */

import type { TimedFly } from '../arm/flies.ts'
import { CHAINS, SETS, TABLE } from '../arm/names.ts'
import type { Address } from '../terms/address.ts'
import { type Fly, flyOfElement } from '../terms/fly.ts'

/** One transaction of another program: the port that system/ruleset-watch.ts stands behind. */
export interface ForeignTransaction {
  readonly pid: number
  /** The name of the program, as it gave it to itself. */
  readonly name: string
  readonly changes: readonly ForeignChange[]
  /** It did more than is told. */
  readonly cut: boolean
}

/** `name` is that of the table, chain or set, and of a rule that of its chain. */
export type ForeignChange = { readonly op: 'new' | 'delete'; readonly name: string } & (
  | { readonly kind: 'table' | 'chain' | 'set' | 'rule' }
  | {
      readonly kind: 'element'
      /** Those that are addresses. */
      readonly elements: readonly FoundElement[]
      /** All of them, as the kernel has them. */
      readonly keys?: readonly Uint8Array[] | undefined
      /** An element that stands for whatever no other matches. */
      readonly catchAll?: true | undefined
    }
)

/** An address in a set, with the seconds it has left; without: it stays. */
export interface FoundElement {
  readonly element: Address
  readonly seconds?: number | undefined
}

/** What somebody has put into sets of ours, and does not belong there. */
export interface Strange {
  readonly set: string
  /** Undefined: anything. */
  readonly keys?: readonly Uint8Array[] | undefined
}

export type Meaning =
  | { readonly meaning: 'nothing' }
  /** Something may be as it was, or not. */
  | { readonly meaning: 'touched' }
  /** A part of the trap is gone, or is another. */
  | { readonly meaning: 'flushed' | 'changed'; readonly strange: readonly Strange[] }
  | {
      readonly meaning: 'flies'
      readonly freed: readonly Fly[]
      readonly added: readonly TimedFly[]
      readonly isTouched: boolean
    }

const LISTED: readonly string[] = ['flypaper', 'flypaper6']
/** To take somebody out of these ends his hold. */
const HELD: readonly string[] = [
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_pending',
  'flypaper_pending6',
  'flypaper_passing',
  'flypaper_passing6',
]

/** `chains` are those of the administrator to which start appends the jump. */
export function meaningOf({ changes, cut }: ForeignTransaction, chains: readonly string[]): Meaning {
  const effects = changes.map(change => effectOf(change, chains))
  const isFlushed = cut || effects.includes('flushed')
  if (isFlushed || effects.includes('changed'))
    return { meaning: isFlushed ? 'flushed' : 'changed', strange: changes.flatMap(strangeIn) }
  const isTouched = effects.includes('touched')
  const { freed, added } = fliesIn(changes)
  if (freed.size + added.size > 0)
    return { meaning: 'flies', freed: [...freed], added: [...added.values()], isTouched }
  return { meaning: isTouched ? 'touched' : 'nothing' }
}

/** How many holds somebody has ended. */
export function holdsEnded({ changes }: ForeignTransaction): number {
  return changes.reduce(
    (sum, change) =>
      change.kind === 'element' && change.op === 'delete' && HELD.includes(change.name)
        ? sum + Math.max(change.keys?.length ?? 0, change.elements.length)
        : sum,
    0,
  )
}

function fliesIn(changes: readonly ForeignChange[]) {
  const freed = new Set<Fly>()
  const added = new Map<Fly, TimedFly>()
  for (const change of changes) {
    if (change.kind !== 'element' || !LISTED.includes(change.name)) continue
    for (const { element, seconds } of change.elements) {
      const fly = flyOfElement(element)
      if (fly === undefined) continue
      // In order: what is deleted and added in the same transaction got another time.
      if (change.op === 'new') added.set(fly, { fly, seconds })
      else if (!added.delete(fly)) freed.add(fly)
      if (change.op === 'new') freed.delete(fly)
    }
  }
  return { freed, added }
}

type Effect = 'nothing' | 'touched' | 'changed' | 'flushed'

function effectOf(change: ForeignChange, chains: readonly string[]): Effect {
  const isOneOf = (names: readonly string[]) => names.includes(change.name)
  const isNew = change.op === 'new'
  switch (change.kind) {
    case 'table':
      return change.name !== TABLE.name ? 'nothing' : isNew ? 'touched' : 'flushed'
    case 'set':
      return !isOneOf(SETS) ? 'nothing' : isNew ? 'touched' : 'flushed'
    case 'chain':
      if (!isNew) return isOneOf(CHAINS) ? 'flushed' : 'nothing'
      // A chain of the administrator that is there (again) wants its jump; any other may be one of ours with another name.
      return isOneOf(chains) ? 'changed' : 'touched'
    case 'rule':
      if (isOneOf(CHAINS)) return isNew ? 'changed' : 'flushed'
      return !isOneOf(chains) ? 'nothing' : isNew ? 'touched' : 'flushed'
    case 'element':
      if (isOneOf(LISTED)) return change.catchAll && isNew ? 'changed' : 'nothing'
      return !isOneOf(SETS) || (!isNew && isOneOf(HELD)) ? 'nothing' : 'changed'
  }
}

/** What the daemon keeps it puts in again; what packets put in is left to them, but for what somebody else has added. */
function strangeIn(change: ForeignChange): Strange[] {
  if (change.kind !== 'element' || change.op !== 'new' || !SETS.some(set => set === change.name)) return []
  if (change.catchAll) return [{ set: change.name }]
  return LISTED.includes(change.name) ? [] : [{ set: change.name, keys: change.keys ?? [] }]
}
