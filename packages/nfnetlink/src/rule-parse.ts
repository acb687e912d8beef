/**
 * What a rule of nf_tables refers to and does, from its expressions as bytes. Pure. Expressions and their attributes:
 * linux/netfilter/nf_tables.h; the user data of a rule: nftables' own, libnftnl/udata.h.
 */
import { attributes, attributesByType, numberOf, textOf, within } from './attributes.ts'

export interface ListedRule {
  readonly chain: string
  readonly handle: number
  readonly comment: string | undefined
  /** Expressions that it is made of. */
  readonly expressions: number
  /** Chains that it jumps or goes to by itself. */
  readonly targets: readonly string[]
  /** Sets and maps that it asks or fills, those without a name of their own as the kernel names them: `__set0`. */
  readonly sets: readonly string[]
  /** What its counter has counted; the last where it has several. */
  readonly packets: number | undefined
  /** The one queue, or the group, that it hands packets over to. */
  readonly queue: number | undefined
  readonly group: number | undefined
}

const RULE = { chain: 2, handle: 3, expressions: 4, userdata: 7 }
const EXPRESSION = { name: 1, data: 2 }
const IMMEDIATE_DATA = 2
const DATA_VERDICT = 2
const VERDICT_CHAIN = 2
const SET_NAME: Readonly<Record<string, number>> = { lookup: 1, dynset: 1, objref: 4 }
const COUNTER_PACKETS = 2
const QUEUE = { number: 1, total: 2 }
const LOG_GROUP = 1
const USERDATA_COMMENT = 0

/** From the attributes of NFT_MSG_NEWRULE. */
export function readRule(body: Uint8Array): ListedRule {
  const found = attributesByType(body)
  const targets: string[] = []
  const sets: string[] = []
  let packets: number | undefined
  let queue: number | undefined
  let group: number | undefined
  let expressions = 0
  for (const { name, data } of expressionsIn(found.get(RULE.expressions))) {
    expressions++
    const target = name === 'immediate' ? targetIn(within(data, IMMEDIATE_DATA)) : undefined
    if (target !== undefined) targets.push(target)
    const set = SET_NAME[name] === undefined ? undefined : within(data, SET_NAME[name])
    if (set !== undefined) sets.push(textOf(set))
    if (name === 'counter') packets = numberIn(data, COUNTER_PACKETS)
    if (name === 'log') group ??= numberIn(data, LOG_GROUP)
    if (name === 'queue' && (numberIn(data, QUEUE.total) ?? 1) === 1) queue ??= numberIn(data, QUEUE.number)
  }
  return {
    chain: textOf(found.get(RULE.chain) ?? new Uint8Array()),
    handle: numberOf(found.get(RULE.handle) ?? new Uint8Array()),
    comment: commentIn(found.get(RULE.userdata)),
    expressions,
    targets,
    sets,
    packets,
    queue,
    group,
  }
}

function* expressionsIn(list: Uint8Array | undefined): Generator<{ name: string; data: Uint8Array }> {
  for (const { value } of attributes(list ?? new Uint8Array())) {
    const parts = attributesByType(value)
    const name = parts.get(EXPRESSION.name)
    if (name !== undefined) yield { name: textOf(name), data: parts.get(EXPRESSION.data) ?? new Uint8Array() }
  }
}

/** The chain of a verdict that jumps or goes there: what a rule or an element of a verdict map holds. */
export function targetIn(data: Uint8Array | undefined): string | undefined {
  const chain = within(within(data, DATA_VERDICT), VERDICT_CHAIN)
  return chain === undefined ? undefined : textOf(chain)
}

function numberIn(data: Uint8Array, type: number): number | undefined {
  const value = within(data, type)
  return value === undefined ? undefined : numberOf(value)
}

/** Each part: one byte of type, one of length, then as many. */
function commentIn(userdata: Uint8Array = new Uint8Array()): string | undefined {
  let at = 0
  while (at + 2 <= userdata.length) {
    const value = userdata.subarray(at + 2, at + 2 + userdata[at + 1]!)
    if (userdata[at] === USERDATA_COMMENT) return textOf(value)
    at += 2 + userdata[at + 1]!
  }
  return undefined
}
