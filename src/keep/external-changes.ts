/**
 * What others did to our part of table inet filter, and what it means. Pure.
 *
 * An element that somebody deletes from a set which goes on existing is a fly that he frees; one that he adds is a
 * fly by hand; a whole prefix comes and goes by the daemon alone. Whatever else somebody does to a set, a chain or a rule of ours leaves half a trap: it is armed again.
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
  | { readonly kind: 'element'; readonly elements: readonly FoundElement[] }
)

/** An address in a set, with the seconds it has left; without: it stays. */
export interface FoundElement {
  readonly element: Address
  readonly seconds?: number | undefined
}

export type Meaning =
  | { readonly meaning: 'nothing' }
  | { readonly meaning: 'flushed' }
  | { readonly meaning: 'flies'; readonly freed: readonly Fly[]; readonly added: readonly TimedFly[] }

const LISTED: readonly string[] = ['flypaper', 'flypaper6']
/** What is in these comes from the daemon alone. Into the others packets write, and a stranger's change heals by itself. */
const KEPT_SETS: readonly string[] = [
  'flypaper_nets',
  'flypaper_nets6',
  'flypaper_never',
  'flypaper_never6',
  'flypaper_own',
  'flypaper_own6',
  'flypaper_single6',
]

/** `chains` are those of the administrator to which start appends the jump. */
export function meaningOf({ changes, cut }: ForeignTransaction, chains: readonly string[]): Meaning {
  if (cut || changes.some(change => breaksTrap(change, chains))) return { meaning: 'flushed' }
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
  if (freed.size + added.size === 0) return { meaning: 'nothing' }
  return { meaning: 'flies', freed: [...freed], added: [...added.values()] }
}

function breaksTrap(change: ForeignChange, chains: readonly string[]): boolean {
  const isOneOf = (names: readonly string[]) => names.includes(change.name)
  switch (change.kind) {
    case 'table':
      return change.op === 'delete' && change.name === TABLE.name
    case 'set':
      return change.op === 'delete' && isOneOf(SETS)
    case 'chain':
      // A chain of the administrator that is there (again) wants its jump.
      return change.op === 'delete' ? isOneOf(CHAINS) : isOneOf(chains)
    case 'rule':
      return isOneOf(CHAINS) || (change.op === 'delete' && isOneOf(chains))
    case 'element':
      return isOneOf(KEPT_SETS)
  }
}
