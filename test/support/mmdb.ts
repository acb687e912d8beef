/** Writes a small database in MaxMind's format (https://maxmind.github.io/MaxMind-DB/): records of 24 bits, IPv4 in the first 96 zero bits of IPv6. */
import { parsePrefix } from '../../src/terms/address.ts'

type Value = string | number | { readonly [name: string]: Value }

const MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
const [STRING, UINT32, MAP] = [2, 6, 7]

/** What is known of each prefix; prefixes may not nest. */
export function mmdb(entries: Readonly<Record<string, Value>>): Buffer {
  const data: Buffer[] = []
  let length = 0
  /** Of each node the two records: another node, an offset in the data, or nothing. */
  const nodes: [Record24, Record24][] = [[undefined, undefined]]
  for (const [text, value] of Object.entries(entries)) {
    const { first, length: bits, family } = parsePrefix(text)!
    const depth = family === 4 ? 96 + bits : bits
    const bitAt = (i: number) => Number((first >> BigInt(127 - i)) & 1n) as 0 | 1
    let node = 0
    for (let i = 0; i < depth - 1; i++) {
      const next = nodes[node]![bitAt(i)]
      if (next !== undefined && 'node' in next) node = next.node
      else {
        nodes.push([undefined, undefined])
        nodes[node]![bitAt(i)] = { node: nodes.length - 1 }
        node = nodes.length - 1
      }
    }
    nodes[node]![bitAt(depth - 1)] = { offset: length }
    const bytes = encoded(value)
    data.push(bytes)
    length += bytes.length
  }
  const tree = Buffer.alloc(6 * nodes.length)
  for (const [i, records] of nodes.entries())
    for (const [side, record] of records.entries())
      tree.writeUIntBE(numberOf(record, nodes.length), 6 * i + 3 * side, 3)
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 0,
    database_type: 'test',
    ip_version: 6,
    node_count: nodes.length,
    record_size: 24,
  }
  return Buffer.concat([tree, Buffer.alloc(16), ...data, MARK, encoded(metadata)])
}

type Record24 = { readonly node: number } | { readonly offset: number } | undefined

function numberOf(record: Record24, nodes: number): number {
  if (record === undefined) return nodes
  return 'node' in record ? record.node : nodes + 16 + record.offset
}

function encoded(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(STRING, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([control(UINT32, 4), bytes])
  }
  const pairs = Object.entries(value)
  return Buffer.concat([
    control(MAP, pairs.length),
    ...pairs.flatMap(([key, inner]) => [encoded(key), encoded(inner)]),
  ])
}

/** Sizes from 29 on take another byte. */
function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29])
}
