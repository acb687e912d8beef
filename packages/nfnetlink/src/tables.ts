/** The tables of nf_tables, without what is in them. */
import { attributesByType, numberOf, textOf } from './attributes.ts'
import { type Answer, FAMILIES, GET, NFPROTO, openAsker } from './questions.ts'

/**
 * NFT_TABLE_F_… of linux/netfilter/nf_tables.h. `dormant`: its chains meet no packet. `owner`: only the program that made it
 * may change it. `persist`: it stays when that program ends. Later ones are named by their number.
 */
export type TableFlag = 'dormant' | 'owner' | 'persist' | `flag ${number}`

export interface ListedTable {
  /** As nft calls it. */
  readonly family: string
  readonly name: string
  /** A table that is made anew gets another. */
  readonly handle: number
  readonly flags: readonly TableFlag[]
}

const NAME = 1
const ATTRIBUTE = { name: NAME, flags: 2, handle: 4 }
const CHAIN = { table: 1, name: 3 }
const SET = { table: 1, name: 2, userdata: 13 }
const FLAGS: Readonly<Record<number, TableFlag>> = { 1: 'dormant', 2: 'owner', 4: 'persist' }

/** All tables of this network namespace, of all families. Throws NetlinkError. */
export function listTables(): readonly ListedTable[] {
  using asker = openAsker()
  return asker.ask({ type: GET.table, family: NFPROTO.all, isDump: true }).map(tableOf)
}

/** The table of this name and of family inet. Throws NetlinkError. */
export function findTable(name: string): ListedTable | undefined {
  using asker = openAsker()
  return asker
    .ask({ type: GET.table, family: NFPROTO.inet, names: { [NAME]: name }, isDump: false })
    .map(tableOf)[0]
}

/** The names of all chains of all tables. Throws NetlinkError. */
export function listChainNames(): readonly ChainName[] {
  using asker = openAsker()
  return asker.ask({ type: GET.chain, family: NFPROTO.all, isDump: true }).map(({ family, body }) => {
    const found = attributesByType(body)
    return {
      family: FAMILIES[family] ?? String(family),
      table: textOf(found.get(CHAIN.table) ?? new Uint8Array()),
      name: textOf(found.get(CHAIN.name) ?? new Uint8Array()),
    }
  })
}

/** All sets and maps of all tables, without their elements; also those that stand in a rule. Throws NetlinkError. */
export function listSets(): readonly SetName[] {
  using asker = openAsker()
  return asker.ask({ type: GET.set, family: NFPROTO.all, isDump: true }).map(({ family, body }) => {
    const found = attributesByType(body)
    const text = (type: number) => textOf(found.get(type) ?? new Uint8Array())
    return {
      family: FAMILIES[family] ?? String(family),
      table: text(SET.table),
      name: text(SET.name),
      userdata: found.get(SET.userdata) ?? new Uint8Array(),
    }
  })
}

export interface SetName extends ChainName {
  /** What the program that made it has noted for itself. */
  readonly userdata: Uint8Array
}

export interface ChainName {
  readonly family: string
  readonly table: string
  readonly name: string
}

export function tableOf({ family, body }: Answer): ListedTable {
  const found = attributesByType(body)
  const number = (type: number) => numberOf(found.get(type) ?? new Uint8Array())
  return {
    family: FAMILIES[family] ?? String(family),
    name: textOf(found.get(ATTRIBUTE.name) ?? new Uint8Array()),
    handle: number(ATTRIBUTE.handle),
    flags: flagsIn(number(ATTRIBUTE.flags)),
  }
}

function flagsIn(bits: number): readonly TableFlag[] {
  const set = Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter(flag => (bits & flag) !== 0)
  return set.map((flag): TableFlag => FLAGS[flag] ?? `flag ${flag}`)
}
