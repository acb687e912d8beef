/**
 * What nf_tables says about itself, parsed: announcements of changes, and dumps of elements. Pure and total, as
 * parse.ts is: any bytes may come, nothing is read outside of them, each step goes forward.
 *
 * Messages and attributes: linux/netfilter/nf_tables.h. Numbers in attributes are big-endian, times milliseconds.
 */
import { attributes, numberOf, textOf } from './attributes.ts'
import { listOf, packetsCounted } from './expressions.ts'
import { HOST_LITTLE_ENDIAN, messages, SUBSYSTEM } from './message.ts'
import { targetIn } from './rule-parse.ts'

/** A key of a set's element with the time it was given and the time it has left; without: it stays. */
export interface RulesetElement {
  readonly key: Uint8Array
  readonly timeoutMs: number | undefined
  readonly expiresMs: number | undefined
  /** What its counter has counted, where it has one. */
  readonly packets?: number
  /** In a set of intervals: the key behind one, and not its first. */
  readonly isEnd?: true
  /** Of an interval in a concatenation: its last key. */
  readonly keyEnd?: Uint8Array
  /** In a map of verdicts: the chain to which it jumps or goes. */
  readonly target?: string
}

/** `name` is that of the table, chain or set; rules have none of their own and tell their chain. */
export type RulesetChange = {
  readonly op: 'new' | 'delete'
  /** NFPROTO_… of linux/netfilter.h: 1 inet, 2 ip, 10 ip6. Tables of several families may have the same name. */
  readonly family: number
  readonly table: string
  readonly name: string
} & (
  | { readonly kind: 'table' | 'chain' | 'set' | 'rule' }
  | {
      readonly kind: 'element'
      readonly elements: readonly RulesetElement[]
      /** There is, or was, an element without a key among them: it stands for whatever no other matches. */
      readonly catchAll?: true
    }
)

/** The end of a transaction: everything of the same port before it belongs to it. */
export interface Commit {
  /** Process and its name, as the kernel's own process table has them. */
  readonly pid: number
  readonly name: string
}

export type RulesetMessage =
  /** The sequence is that of the question which the message answers. */
  | { readonly port: number; readonly sequence: number; readonly change: RulesetChange }
  | { readonly port: number; readonly sequence: number; readonly commit: Commit }
  | { readonly port: number; readonly sequence: number; readonly end: { readonly errno: number } }

const HEADER = 16
const NFGENMSG = 4
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NEWGEN = 15
const TYPES: Readonly<Record<number, readonly [RulesetChange['op'], RulesetChange['kind']]>> = {
  0: ['new', 'table'],
  2: ['delete', 'table'],
  3: ['new', 'chain'],
  5: ['delete', 'chain'],
  6: ['new', 'rule'],
  8: ['delete', 'rule'],
  9: ['new', 'set'],
  11: ['delete', 'set'],
  12: ['new', 'element'],
  14: ['delete', 'element'],
}
const GEN = { pid: 2, name: 3 }
/** Everything names its table first; then a chain has its handle before its name. A rule's name is that of its chain. */
const TABLE = 1
const NAME = { chain: 3, rule: 2, set: 2, element: 2, table: 1 } as const
const ELEMENTS = 3
const ELEMENT = {
  key: 1,
  data: 2,
  flags: 3,
  timeout: 4,
  expiration: 5,
  expression: 7,
  keyEnd: 10,
  expressions: 11,
}
const DATA_VALUE = 1
/** NFT_SET_ELEM_INTERVAL_END, and NFT_SET_ELEM_CATCHALL: the element has no key. */
const FLAG_END = 1
const FLAG_CATCHALL = 2

/** Whether what is in a set interests. */
export type WantsElements = (family: number, table: string, set: string) => boolean

/** The messages of one datagram; `skip` spares the work for those of a port that does not interest, `wants` that for elements of other sets. */
export function* readRulesetDatagram(
  bytes: Uint8Array,
  skip: (port: number) => boolean = () => false,
  wants: WantsElements = () => true,
): Generator<RulesetMessage> {
  for (const message of messages(bytes)) {
    const view = new DataView(message.buffer, message.byteOffset, message.length)
    const type = view.getUint16(4, HOST_LITTLE_ENDIAN)
    const sequence = view.getUint32(8, HOST_LITTLE_ENDIAN)
    const port = view.getUint32(12, HOST_LITTLE_ENDIAN)
    if (type === NLMSG_DONE || type === NLMSG_ERROR)
      yield { port, sequence, end: { errno: errnoIn(message) } }
    else if (type >> 8 === SUBSYSTEM.nftables && !skip(port)) {
      const read = readMessage(message.subarray(HEADER), type & 0xff, wants)
      if (read !== undefined) yield { port, sequence, ...read }
    }
  }
}

/** The family is the first byte of struct nfgenmsg. */
function readMessage(message: Uint8Array, type: number, wants: WantsElements) {
  const family = message[0] ?? 0
  const body = message.subarray(NFGENMSG)
  if (type === NEWGEN) return { commit: readCommit(body) }
  const [op, kind] = TYPES[type] ?? []
  if (op === undefined || kind === undefined) return undefined
  let table = ''
  let name = ''
  const elements: RulesetElement[] = []
  let catchAll: true | undefined
  for (const { type, value } of attributes(body)) {
    if (type === TABLE) table = textOf(value)
    if (type === NAME[kind]) name = textOf(value)
    if (type !== ELEMENTS || kind !== 'element') continue
    // The kernel names table and set before it.
    if (!wants(family, table, name)) return undefined
    for (const element of readElements(value))
      if (element === 'catch-all') catchAll = true
      else elements.push(element)
  }
  if (kind === 'element') {
    const change = { op, kind, family, table, name, elements }
    return { change: catchAll ? { ...change, catchAll } : change }
  }
  return { change: { op, kind, family, table, name } }
}

function readCommit(body: Uint8Array): Commit {
  let pid = 0
  let name = ''
  for (const { type, value } of attributes(body)) {
    if (type === GEN.pid) pid = numberOf(value)
    else if (type === GEN.name) name = textOf(value)
  }
  return { pid, name }
}

function* readElements(list: Uint8Array): Generator<RulesetElement | 'catch-all'> {
  for (const { value: element } of attributes(list)) {
    let key: Uint8Array | undefined
    let flags = 0
    let timeoutMs: number | undefined
    let expiresMs: number | undefined
    let packets: number | undefined
    let more: Pick<RulesetElement, 'keyEnd' | 'target'> | undefined
    for (const { type, value } of attributes(element)) {
      if (type === ELEMENT.key) key = dataOf(value)
      else if (type === ELEMENT.data) more = { ...more, ...targetOf(value) }
      else if (type === ELEMENT.keyEnd) more = { ...more, ...endOf(value) }
      else if (type === ELEMENT.flags) flags = numberOf(value)
      else if (type === ELEMENT.timeout) timeoutMs = numberOf(value)
      else if (type === ELEMENT.expiration) expiresMs = numberOf(value)
      else if (type === ELEMENT.expression) packets = packetsCounted([value])
      else if (type === ELEMENT.expressions) packets = packetsCounted(listOf(value))
    }
    if ((flags & FLAG_CATCHALL) !== 0) yield 'catch-all'
    else if (key !== undefined) {
      const told = { key: key.slice(), timeoutMs, expiresMs, ...more }
      if ((flags & FLAG_END) !== 0) yield { ...told, isEnd: true }
      else yield packets === undefined ? told : { ...told, packets }
    }
  }
}

function targetOf(data: Uint8Array): Pick<RulesetElement, 'target'> {
  const target = targetIn(data)
  return target === undefined ? {} : { target }
}

function endOf(nested: Uint8Array): Pick<RulesetElement, 'keyEnd'> {
  const keyEnd = dataOf(nested)?.slice()
  return keyEnd === undefined ? {} : { keyEnd }
}

function dataOf(nested: Uint8Array): Uint8Array | undefined {
  for (const { type, value } of attributes(nested)) if (type === DATA_VALUE) return value
  return undefined
}

/** Which question a datagram of one message answers, and with which errno: 0 for the thing itself. */
export function readAnswer(datagram: Uint8Array): { sequence: number; errno: number } {
  if (datagram.length < HEADER) return { sequence: 0, errno: 0 }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length)
  const isError = view.getUint16(4, HOST_LITTLE_ENDIAN) === NLMSG_ERROR
  return { sequence: view.getUint32(8, HOST_LITTLE_ENDIAN), errno: isError ? errnoIn(datagram) : 0 }
}

/** NLMSG_DONE and NLMSG_ERROR carry an errno below zero, or 0. */
function errnoIn(message: Uint8Array): number {
  if (message.length < HEADER + 4) return 0
  return -new DataView(message.buffer, message.byteOffset).getInt32(HEADER, HOST_LITTLE_ENDIAN) || 0
}
