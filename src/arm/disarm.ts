/** Disarms the trap: of everything that is ours only the flies stay, and what the administrator's rules refer to. */
import type { Change, Firewall, TableView } from './firewall.ts'
import { APPENDED, CHAINS, type ChainName, SETS } from './names.ts'

export interface Leaving {
  /** The sets flypaper and flypaper6 hold somebody: they stay. */
  readonly keepFlies: boolean
  /** There was no `table inet filter` before us: it goes when nothing else is in it. */
  readonly madeTable: boolean
}

/** One transaction; nothing when there is no trap. */
export function disarm(firewall: Firewall, leaving: Leaving): void {
  const table = firewall.look()
  if (table === undefined) return
  const changes = disarming(table, leaving)
  if (changes.length > 0) firewall.change(changes)
}

export function disarming(table: TableView, leaving: Leaving): readonly Change[] {
  const appended = table.rules.filter(rule => rule.comment === APPENDED)
  const isGoing = (name: string) => !(leaving.keepFlies && isFlySet(name))
  const { chains, sets, changes } = removing(table, isGoing)
  const all = [
    ...appended.map(rule => ({ change: 'delete-rule', chain: rule.chain, handle: rule.handle }) as const),
    ...changes,
  ]
  return leaving.madeTable && isEmptied(table, chains, sets) ? [...all, { change: 'delete-table' }] : all
}

/**
 * How those of our chains and sets go. A chain that a rule or a map of the administrator jumps to is emptied and stays, since the
 * kernel would refuse the whole transaction (EBUSY); so does a set that one of his rules asks.
 */
export function removing(table: TableView, isGoing: (name: string) => boolean) {
  const isTheirs = (chain: string) => !CHAINS.some(name => name === chain)
  const theirs = table.rules.filter(rule => isTheirs(rule.chain) && rule.comment !== APPENDED)
  const isReferred = (name: string) =>
    table.mapTargets.includes(name) ||
    theirs.some(rule => rule.targets.includes(name) || rule.sets.includes(name))
  const emptied = CHAINS.filter(name => isGoing(name) && table.chains.some(chain => chain.name === name))
  const chains = emptied.filter(name => !isReferred(name))
  const sets = SETS.filter(
    name => isGoing(name) && !isReferred(name) && table.sets.some(set => set.name === name),
  )
  const changes: readonly Change[] = [
    ...emptied.map(chain => ({ change: 'flush-chain', chain }) as const),
    ...chains.map(chain => ({ change: 'delete-chain', chain }) as const),
    ...sets.map(set => ({ change: 'delete-set', set }) as const),
  ]
  return { chains, sets, changes }
}

function isFlySet(name: string): boolean {
  return name === 'flypaper' || name === 'flypaper6'
}

function isEmptied(table: TableView, chains: readonly ChainName[], sets: readonly string[]): boolean {
  return (
    table.others.length === 0 &&
    table.chains.every(chain => chains.includes(chain.name as ChainName)) &&
    table.sets.every(set => sets.includes(set.name))
  )
}
