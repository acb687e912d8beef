/**
 * The rules that are in force, of everybody. A table that its administrator has put to sleep judges nothing, and is left out. What
 * libnftables cannot list without reading freed memory is not handed to it: docs/decisions/0043-others-cost-nothing.md
 */
import { type ChainName, type ListedTable, listChainNames, listTables } from 'nfnetlink'
import { type Family, type Listed, type Nftables, NftablesError } from 'nftables-json'

export interface Awake {
  /** All tables, also those that sleep. */
  readonly tables: readonly ListedTable[]
  /** Those that do not, and what is in them; but for tables with a flag the chains and rules alone. */
  readonly objects: readonly Listed[]
}

/** Throws NetlinkError and NftablesError. */
export function listAwake(nft: Nftables): Awake {
  const tables = listTables()
  const awake = tables.filter(isAwake)
  const objects = tables.every(isPlain) || nft.listsFlaggedTables ? nft.listRuleset() : piecemeal(nft, tables)
  const isIn = (object: Listed, { family, name }: ListedTable) =>
    object.kind !== 'other' &&
    object.family === family &&
    (object.kind === 'table' ? object.name : object.table) === name
  return { tables, objects: objects.filter(object => awake.some(table => isIn(object, table))) }
}

/** Family by family; where there is a table with a flag, table by table, and that one chain by chain. */
function piecemeal(nft: Nftables, tables: readonly ListedTable[]): readonly Listed[] {
  const isQuiet = (family: string) => tables.every(table => table.family !== family || isPlain(table))
  const quiet = FAMILIES.find(isQuiet) ?? null
  let chains: readonly ChainName[] | undefined
  const inTable = ({ family, name }: ListedTable): readonly Listed[] => {
    chains ??= listChainNames()
    return chains
      .filter(chain => chain.family === family && chain.table === name)
      .flatMap(chain => orNothing(() => nft.listChain(family as Family, name, chain.name, { quiet })))
  }
  return FAMILIES.flatMap(family => {
    const those = tables.filter(table => table.family === family)
    if (those.length === 0) return []
    if (isQuiet(family)) return nft.listRuleset(family)
    return those
      .filter(isAwake)
      .flatMap(table =>
        isPlain(table) ? orNothing(() => nft.listTable(family, table.name, { quiet })) : inTable(table),
      )
  })
}

/** Those that most machines have no tables of come first. */
const FAMILIES: readonly Family[] = ['arp', 'netdev', 'bridge', 'ip6', 'ip', 'inet']

function isPlain({ flags }: ListedTable): boolean {
  return flags.length === 0
}

export function isAwake({ flags }: ListedTable): boolean {
  return !flags.includes('dormant')
}

/** What has gone meanwhile is not there. */
function orNothing(list: () => readonly Listed[]): readonly Listed[] {
  try {
    return list()
  } catch (error) {
    if (error instanceof NftablesError && error.code === 'missing') return []
    throw error
  }
}
