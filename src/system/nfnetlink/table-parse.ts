/**
 * A table of nf_tables with its chains, sets and rules as the kernel tells them, parsed: what about them stays as it is while packets
 * come. Pure and total, as ruleset-parse.ts is.
 *
 * Messages, attributes and flags: linux/netfilter/nf_tables.h. Numbers are big-endian.
 */
import { align, HOST_LITTLE_ENDIAN, SUBSYSTEM } from './message.ts'
import { attributes, number, textOf } from './ruleset-parse.ts'

export interface KernelTable {
  /** Of the kernel; a table that is made anew gets another. */
  readonly handle: number
  /** NFT_TABLE_F_DORMANT: none of its chains is in the path of any packet. */
  readonly isDormant: boolean
}

export interface KernelChain {
  readonly name: string
  readonly handle: number
  /** Of a base chain. */
  readonly base?: {
    /** `filter`, `nat`, `route`. */
    readonly type: string
    /** NF_INET_…: prerouting 0, input 1, forward 2, output 3, postrouting 4 (linux/netfilter.h). */
    readonly hook: number
    readonly priority: number
    readonly policy: 'accept' | 'drop'
  }
}

export interface KernelSet {
  readonly name: string
  readonly handle: number
  /** NFT_SET_… */
  readonly flags: number
  /** Elements at most; 0: no bound. */
  readonly size: number
  /** Of an element that says none; 0: it stays. */
  readonly timeoutMs: number
  /** Between two collections of what is over; 0: as the kernel likes. */
  readonly gcMs: number
}

export interface KernelRule {
  readonly handle: number
  readonly comment: string | undefined
}

/** One message of an answer. */
export type TableMessage =
  | { readonly table: KernelTable }
  | { readonly chain: KernelChain; readonly inTable: string }
  | { readonly set: KernelSet; readonly inTable: string }
  | { readonly rule: KernelRule }
  /** The answer is whole, or there is none; `interrupted`: somebody changed the ruleset meanwhile. */
  | { readonly end: { readonly errno: number } }

const HEADER = 16
const NFGENMSG = 4
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
/** NFT_MSG_NEW… */
const NEW = { table: 0, chain: 3, rule: 6, set: 9 }
const TABLE = { flags: 2, handle: 4 }
const CHAIN = { table: 1, handle: 2, name: 3, hook: 4, policy: 5, type: 7 }
const HOOK = { number: 1, priority: 2 }
const RULE = { handle: 3, userdata: 7 }
const SET = { table: 1, name: 2, flags: 3, description: 9, timeout: 11, gc: 12, handle: 16 }
const DESCRIPTION_SIZE = 1
const DORMANT = 1
/** NF_ACCEPT of linux/netfilter.h; NF_DROP is 0. */
const ACCEPT = 1
/** Of libnftnl's udata.h: a type and a length of one byte each, then the value. */
const UDATA_RULE_COMMENT = 0
/** NLM_F_DUMP_INTR of linux/netlink.h: the ruleset has changed while it was told. */
const INTERRUPTED = 0x10

/** The messages of one datagram, and whether somebody changed the ruleset while it was told. */
export function readTableDatagram(bytes: Uint8Array): {
  readonly messages: readonly TableMessage[]
  readonly isInterrupted: boolean
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const messages: TableMessage[] = []
  let isInterrupted = false
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN)
    if (length < HEADER || at + length > bytes.length) break
    const type = view.getUint16(at + 4, HOST_LITTLE_ENDIAN)
    isInterrupted ||= (view.getUint16(at + 6, HOST_LITTLE_ENDIAN) & INTERRUPTED) !== 0
    const body = bytes.subarray(at + HEADER, at + length)
    if (type === NLMSG_DONE || type === NLMSG_ERROR) messages.push({ end: { errno: errnoIn(body) } })
    else if (type >> 8 === SUBSYSTEM.nftables) messages.push(...read(type & 0xff, body.subarray(NFGENMSG)))
    at += align(length)
  }
  return { messages, isInterrupted }
}

/** An errno below zero, or 0. */
function errnoIn(body: Uint8Array): number {
  if (body.length < 4) return 0
  return -new DataView(body.buffer, body.byteOffset).getInt32(0, HOST_LITTLE_ENDIAN) || 0
}

function read(type: number, body: Uint8Array): readonly TableMessage[] {
  const found = byType(body)
  switch (type) {
    case NEW.table:
      return [
        { table: { handle: of(found, TABLE.handle), isDormant: (of(found, TABLE.flags) & DORMANT) !== 0 } },
      ]
    case NEW.chain:
      return [{ inTable: text(found, CHAIN.table), chain: chainOf(found) }]
    case NEW.set:
      return [{ inTable: text(found, SET.table), set: setOf(found) }]
    case NEW.rule:
      return [{ rule: { handle: of(found, RULE.handle), comment: commentIn(found.get(RULE.userdata)) } }]
    default:
      return []
  }
}

type Attributes = ReadonlyMap<number, Uint8Array>

function byType(bytes: Uint8Array | undefined): Attributes {
  if (bytes === undefined) return new Map()
  return new Map([...attributes(bytes)].map(({ type, value }) => [type, value]))
}

function of(found: Attributes, type: number): number {
  return number(found.get(type) ?? new Uint8Array(0))
}

function text(found: Attributes, type: number): string {
  return textOf(found.get(type) ?? new Uint8Array(0))
}

function chainOf(found: Attributes): KernelChain {
  const named = { name: text(found, CHAIN.name), handle: of(found, CHAIN.handle) }
  if (!found.has(CHAIN.hook)) return named
  const hook = byType(found.get(CHAIN.hook))
  return {
    ...named,
    base: {
      type: text(found, CHAIN.type),
      hook: of(hook, HOOK.number),
      priority: of(hook, HOOK.priority) | 0,
      policy: of(found, CHAIN.policy) === ACCEPT ? 'accept' : 'drop',
    },
  }
}

function setOf(found: Attributes): KernelSet {
  return {
    name: text(found, SET.name),
    handle: of(found, SET.handle),
    flags: of(found, SET.flags),
    size: of(byType(found.get(SET.description)), DESCRIPTION_SIZE),
    timeoutMs: of(found, SET.timeout),
    gcMs: of(found, SET.gc),
  }
}

function commentIn(userdata: Uint8Array | undefined): string | undefined {
  if (userdata === undefined) return undefined
  for (let at = 0; at + 2 <= userdata.length; at += 2 + userdata[at + 1]!)
    if (userdata[at] === UDATA_RULE_COMMENT)
      return textOf(userdata.subarray(at + 2, at + 2 + userdata[at + 1]!))
  return undefined
}
