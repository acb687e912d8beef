/** Questions about a table of family inet and what is in it, without the elements of its sets, as bytes. Pure. */
import { type Attribute, buildRequest } from './message.ts'

/** NFPROTO_INET of linux/netfilter.h. */
const NFPROTO_INET = 1
/** NFT_MSG_GET… of linux/netfilter/nf_tables.h. */
const TYPE = { table: 1, chains: 4, rules: 7, sets: 10 } as const
/** The table's name is the first attribute of everything; the second of a rule is its chain. */
const ATTRIBUTE = { table: 1, chain: 2 }
/** NLM_F_ROOT and NLM_F_MATCH of linux/netlink.h. */
const DUMP = 0x300

export function askTable(table: string): Uint8Array {
  return request(TYPE.table, [name(ATTRIBUTE.table, table)])
}

/** For all chains of family inet: the kernel does not look at the table's name. */
export function askChains(table: string): Uint8Array {
  return request(TYPE.chains, [name(ATTRIBUTE.table, table)], DUMP)
}

export function askSets(table: string): Uint8Array {
  return request(TYPE.sets, [name(ATTRIBUTE.table, table)], DUMP)
}

export function askRules(table: string, chain: string): Uint8Array {
  return request(TYPE.rules, [name(ATTRIBUTE.table, table), name(ATTRIBUTE.chain, chain)], DUMP)
}

function name(type: number, text: string): Attribute {
  return { type, value: Buffer.from(`${text}\0`) }
}

function request(type: number, attributes: readonly Attribute[], flags = 0): Uint8Array {
  return buildRequest({
    subsystem: 'nftables',
    type,
    family: NFPROTO_INET,
    group: 0,
    sequence: 1,
    acknowledge: false,
    flags,
    attributes,
  })
}
