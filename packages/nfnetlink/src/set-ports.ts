/** The ports that stand in a named set or map of whichever table: the types of its key tell where in its elements they are. */
import { attributesByType, numberOf } from './attributes.ts'
import { firstElements } from './element-dump.ts'
import { FAMILIES, GET, openAsker } from './questions.ts'
import type { RulesetElement } from './ruleset-parse.ts'
import { typesOf } from './set-types.ts'
import type { ChainName } from './tables.ts'

export interface SetPorts {
  /** Of each part of the key; undefined where it is no port. */
  readonly parts: readonly (Range | undefined)[]
  /** The chain to which a map of verdicts sends. */
  readonly target: string | undefined
}
type Range = readonly [first: number, last: number]

const NAME = { table: 1, set: 2 }
const SET = { flags: 3, keyType: 4 }
const INTERVAL = 4
const PORT = 'inet_service'
/** Bytes of a value of these types; of others nothing is read behind them. */
const SIZES: Readonly<Record<string, number>> = {
  ...{ ipv4_addr: 4, ipv6_addr: 16, inet_proto: 1, [PORT]: 2, mark: 4, ifname: 16, iface_index: 4 },
  ...{ nf_proto: 1, ether_addr: 6, ether_type: 2, fib_addrtype: 4, pkt_type: 1 },
}
/** Each part of a concatenation begins at a multiple of so many bytes. */
const ALIGNED = 4

/** From at most `most` elements; none where there is no such set, or no port in its key. Throws NetlinkError. */
export function readPorts({ family, table, name }: ChainName, most: number): readonly SetPorts[] {
  using asker = openAsker()
  const number = Number(Object.keys(FAMILIES).find(key => FAMILIES[Number(key)] === family) ?? 0)
  const names = { [NAME.table]: table, [NAME.set]: name }
  const [set] = asker.ask({ type: GET.set, family: number, names, isDump: false })
  const attribute = (type: number) =>
    numberOf(attributesByType(set?.body ?? new Uint8Array()).get(type) ?? new Uint8Array())
  const types = typesOf(attribute(SET.keyType))
  if (most <= 0 || !types.includes(PORT)) return []
  const elements = firstElements(table, name, most, number)
  const isOfRanges = types.length === 1 && (attribute(SET.flags) & INTERVAL) !== 0
  if (isOfRanges) return rangesOf(elements, elements.length < most)
  return elements.map(({ key, keyEnd = key, target }) => ({ parts: partsOf(types, key, keyEnd), target }))
}

function partsOf(types: readonly string[], first: Uint8Array, last: Uint8Array): SetPorts['parts'] {
  let at = 0
  return types.map(type => {
    const from = at
    at += Math.ceil((SIZES[type] ?? Number.NaN) / ALIGNED) * ALIGNED
    return type === PORT && !Number.isNaN(from) ? [portAt(first, from), portAt(last, from)] : undefined
  })
}

/** The kernel keeps a range as its first port, and as the one behind it, which is missing at the top; `isWhole`: or was not read. */
function rangesOf(elements: readonly RulesetElement[], isWhole: boolean): readonly SetPorts[] {
  const sorted = elements
    .map(({ key, isEnd = false, target }) => ({ port: portAt(key, 0), isEnd, target }))
    .sort((a, b) => a.port - b.port || Number(b.isEnd) - Number(a.isEnd))
  return sorted.flatMap(({ port, isEnd, target }, i) => {
    const next = sorted[i + 1]
    const last = next?.isEnd === true ? next.port - 1 : isWhole && next === undefined ? 65_535 : port
    return isEnd ? [] : [{ parts: [[port, last]], target }]
  })
}

function portAt(key: Uint8Array, at: number): number {
  return numberOf(key.subarray(at, at + 2))
}
