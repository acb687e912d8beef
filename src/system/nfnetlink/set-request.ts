/** Questions about a set of a table of family inet, as bytes. Pure. */
import { align, buildRequest, HOST_LITTLE_ENDIAN } from './message.ts'

/** NFPROTO_INET of linux/netfilter.h. */
export const NFPROTO_INET = 1
/** Messages and attributes of linux/netfilter/nf_tables.h. */
const TYPE = { set: 10, elements: 13 } as const
const ATTRIBUTE = { table: 1, set: 2, elements: 3, element: 1, key: 1, value: 1 }
const NESTED = 0x8000
/** NLM_F_ROOT and NLM_F_MATCH of linux/netlink.h. */
const DUMP = 0x300

/** For the set itself, without its elements. */
export function askSet(table: string, set: string): Uint8Array {
  return request(TYPE.set, table, set)
}

/** For all elements. */
export function askElements(table: string, set: string): Uint8Array {
  return request(TYPE.elements, table, set, undefined, DUMP)
}

/** For the element of this key alone. */
export function askElement(table: string, set: string, key: Uint8Array): Uint8Array {
  return request(TYPE.elements, table, set, key)
}

function request(type: number, table: string, set: string, key?: Uint8Array, flags = 0): Uint8Array {
  const text = (name: string) => Buffer.from(`${name}\0`)
  return buildRequest({
    subsystem: 'nftables',
    type,
    family: NFPROTO_INET,
    group: 0,
    sequence: 1,
    acknowledge: false,
    flags,
    attributes: [
      { type: ATTRIBUTE.table, value: text(table) },
      { type: ATTRIBUTE.set, value: text(set) },
      ...(key === undefined ? [] : [{ type: ATTRIBUTE.elements | NESTED, value: listOf(key) }]),
    ],
  })
}

function listOf(key: Uint8Array): Uint8Array {
  return nested(ATTRIBUTE.element | NESTED, nested(ATTRIBUTE.key | NESTED, nested(ATTRIBUTE.value, key)))
}

function nested(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + align(value.length))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 4 + value.length, HOST_LITTLE_ENDIAN)
  view.setUint16(2, type, HOST_LITTLE_ENDIAN)
  bytes.set(value, 4)
  return bytes
}
