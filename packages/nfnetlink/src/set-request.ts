/** Questions about a set, of a table of family inet unless told, as bytes. Pure. */
import { buildRequest } from './message.ts'

/** NFPROTO_INET of linux/netfilter.h. */
export const NFPROTO_INET = 1
/** Messages and attributes of linux/netfilter/nf_tables.h. */
const TYPE = { set: 10, elements: 13 } as const
const ATTRIBUTE = { table: 1, set: 2 }
/** NLM_F_ROOT and NLM_F_MATCH of linux/netlink.h. */
const DUMP = 0x300

/** For the set itself, without its elements. */
export function askSet(table: string, set: string): Uint8Array {
  return request(TYPE.set, table, set)
}

/** For all elements. */
export function askElements(table: string, set: string, family = NFPROTO_INET): Uint8Array {
  return request(TYPE.elements, table, set, { flags: DUMP, family })
}

function request(
  type: number,
  table: string,
  set: string,
  { flags = 0, family = NFPROTO_INET } = {},
): Uint8Array {
  const text = (name: string) => Buffer.from(`${name}\0`)
  return buildRequest({
    subsystem: 'nftables',
    type,
    family,
    group: 0,
    sequence: 1,
    acknowledge: false,
    flags,
    attributes: [
      { type: ATTRIBUTE.table, value: text(table) },
      { type: ATTRIBUTE.set, value: text(set) },
    ],
  })
}
