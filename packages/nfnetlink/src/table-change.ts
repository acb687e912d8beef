/** Changes of what is in a table, as messages of a transaction: attributes as bytes. Pure. Numbers: linux/netfilter/nf_tables.h. */
import { attribute, nameBytes, nested } from './attributes.ts'
import { be } from './message.ts'

export interface ElementChange {
  /**
   * To delete what is not there refuses the transaction; to add what is there, or to destroy what is not, does not.
   * The kernel knows destroying from 6.3 on.
   */
  readonly op: 'add' | 'delete' | 'destroy'
  /** The name of a set. */
  readonly set: string
  readonly elements: readonly SetElement[]
}

export interface SetElement {
  /** As the set holds it: an address in network byte order. One of 32 bits may be a number, which costs no memory of its own. */
  readonly key: Uint8Array | number
  /** Until it goes by itself, in milliseconds; without: it stays, or as long as the set says. */
  readonly timeoutMs?: number | undefined
  /** In a set of intervals: the first key behind it; null when there is none, since it goes to the end. */
  readonly to?: SetElement['key'] | null | undefined
}

/** Very many intervals, as numbers: they cost no memory of their own. */
export interface RangesChange {
  readonly op: 'add-ranges' | 'delete-ranges'
  readonly set: string
  /** First and last address of each, in words of 32 bits. */
  readonly ranges: Uint32Array
  /** Of an address: one of IPv4, four of IPv6. */
  readonly words: 1 | 4
}

/** Whatever is to be deleted or emptied must be there. */
export type TableChange =
  | ElementChange
  | RangesChange
  | { readonly op: 'empty-set' | 'delete-set'; readonly set: string }
  | { readonly op: 'empty-chain' | 'delete-chain'; readonly chain: string }
  /** A rule at the end of `chain` that jumps to `to`; the comment has at most 127 bytes. */
  | { readonly op: 'append-jump'; readonly chain: string; readonly to: string; readonly comment: string }
  | { readonly op: 'rename-chain'; readonly handle: number; readonly to: string }
  | { readonly op: 'delete-rule'; readonly chain: string; readonly handle: number }
  | { readonly op: 'delete-table' }

export interface TableMessage {
  /** NFT_MSG_…. */
  readonly type: number
  /** NLM_F_…. */
  readonly flags: number
  readonly body: Uint8Array
}

const MESSAGE = {
  newChain: 3,
  deleteTable: 2,
  deleteChain: 5,
  newRule: 6,
  deleteRule: 8,
  deleteSet: 11,
  deleteElements: 14,
}
/** NLM_F_CREATE and NLM_F_APPEND of linux/netlink.h. */
const CREATE_AT_END = 0xc00
/** The name of the table is the first attribute of everything. */
const TABLE = 1
const SET_NAME = 2
const CHAIN_HANDLE = 2
const CHAIN_NAME = 3
const RULE = { chain: 2, handle: 3, expressions: 4, userdata: 7 }
const EXPRESSION = { element: 1, name: 1, data: 2 }
const IMMEDIATE = { register: 1, data: 2 }
const DATA_VERDICT = 2
const VERDICT = { code: 1, chain: 2 }
/** NFT_REG_VERDICT and NFT_JUMP. */
const REGISTER_VERDICT = 0
const JUMP = -3
/** NFTNL_UDATA_RULE_COMMENT of libnftnl/udata.h. */
const USERDATA_COMMENT = 0

export function isOfElements(change: TableChange): change is ElementChange {
  return change.op === 'add' || change.op === 'delete' || change.op === 'destroy'
}

export function isOfRanges(change: TableChange): change is RangesChange {
  return change.op === 'add-ranges' || change.op === 'delete-ranges'
}

export function messageOf(
  table: string,
  change: Exclude<TableChange, ElementChange | RangesChange>,
): TableMessage {
  const message = (type: number, ...rest: readonly Uint8Array[]): TableMessage => ({
    type,
    flags: 0,
    body: Buffer.concat([attribute(TABLE, nameBytes(table)), ...rest]),
  })
  switch (change.op) {
    case 'empty-set':
      return message(MESSAGE.deleteElements, attribute(SET_NAME, nameBytes(change.set)))
    case 'delete-set':
      return message(MESSAGE.deleteSet, attribute(SET_NAME, nameBytes(change.set)))
    case 'empty-chain':
      return message(MESSAGE.deleteRule, attribute(RULE.chain, nameBytes(change.chain)))
    case 'delete-chain':
      return message(MESSAGE.deleteChain, attribute(CHAIN_NAME, nameBytes(change.chain)))
    case 'rename-chain':
      return message(
        MESSAGE.newChain,
        attribute(CHAIN_HANDLE, handleBytes(change.handle)),
        attribute(CHAIN_NAME, nameBytes(change.to)),
      )
    case 'delete-rule':
      return message(
        MESSAGE.deleteRule,
        attribute(RULE.chain, nameBytes(change.chain)),
        attribute(RULE.handle, handleBytes(change.handle)),
      )
    case 'append-jump': {
      const rule = message(
        MESSAGE.newRule,
        attribute(RULE.chain, nameBytes(change.chain)),
        nested(RULE.expressions, nested(EXPRESSION.element, ...jump(change.to))),
        attribute(RULE.userdata, commentData(change.comment)),
      )
      return { ...rule, flags: CREATE_AT_END }
    }
    case 'delete-table':
      return message(MESSAGE.deleteTable)
  }
}

function handleBytes(handle: number): Uint8Array {
  return be([Math.floor(handle / 2 ** 32), 4], [handle % 2 ** 32, 4])
}

function jump(to: string): readonly Uint8Array[] {
  const verdict = nested(
    DATA_VERDICT,
    attribute(VERDICT.code, be([JUMP, 4])),
    attribute(VERDICT.chain, nameBytes(to)),
  )
  return [
    attribute(EXPRESSION.name, nameBytes('immediate')),
    nested(
      EXPRESSION.data,
      attribute(IMMEDIATE.register, be([REGISTER_VERDICT, 4])),
      nested(IMMEDIATE.data, verdict),
    ),
  ]
}

/** One byte of type, one of length, then the text with its NUL. */
function commentData(comment: string): Uint8Array {
  const text = nameBytes(comment)
  return Buffer.concat([Uint8Array.of(USERDATA_COMMENT, text.length), text])
}
