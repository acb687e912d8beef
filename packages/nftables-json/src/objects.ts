/**
 * What a table holds, as it is added: chains, rules, sets, maps, elements, flowtables and named objects. All of these take a `handle`, which libnftables leaves
 * out of account when it adds: so what was listed can be added as it is.
 */
import * as z from 'zod'
import { Comment, NewElement, Seconds } from './element.ts'
import { Expression } from './expression.ts'
import { Count, Family, Handle, Integer, Interface, Name, Priority, Token } from './scalars.ts'
import { Limit, Statement, Synproxy } from './statement.ts'
import { listOf } from './tagged.ts'

const inTable = { family: Family, table: Name }
const named = { ...inTable, name: Name, handle: Handle.optional(), comment: Comment.optional() }
const Devices = listOf(Interface).optional()

export const Table = z.strictObject({
  family: Family,
  name: Name,
  handle: Handle.optional(),
  flags: listOf(z.enum(['dormant', 'owner', 'persist'])).optional(),
  comment: Comment.optional(),
})

const Chain = z.strictObject(named)
const BaseChain = z.strictObject({
  ...named,
  type: z.enum(['filter', 'nat', 'route']),
  hook: z.enum(['ingress', 'egress', 'prerouting', 'input', 'forward', 'output', 'postrouting']),
  prio: Priority,
  policy: z.enum(['accept', 'drop']).optional(),
  /** Of ingress and egress. Several only since libnftables 1.0.7. */
  dev: z.union([Interface, z.array(Interface).min(1)]).optional(),
})
export const AnyChain = z.union([Chain, BaseChain])

const rule = {
  ...inTable,
  chain: Name,
  comment: Comment.optional(),
  expr: z.array(Statement).min(1).max(256),
}
/** With `index` behind the rule of that index; `handle` libnftables takes in `insert` and `replace` alone. */
export const Rule = z.strictObject({ ...rule, handle: Handle.optional(), index: z.int().min(0).optional() })
export const ReplacingRule = z.strictObject({ ...rule, handle: Handle })

const SetType = z.union([Token, z.array(Token).min(2).max(16), z.strictObject({ typeof: Expression })])
/** An element with what a stateful one counts, a word, or for a map a pair of key and value. */
const AnyElement = z.union([NewElement, z.tuple([Expression, Expression]), Expression], {
  error: 'not a literal IPv4 or IPv6 address, a number, or anything else that an element may be',
})
const Elements = z.array(AnyElement).min(1)

const set = {
  ...named,
  type: SetType,
  flags: listOf(z.enum(['constant', 'interval', 'timeout', 'dynamic'])).optional(),
  policy: z.enum(['performance', 'memory']).optional(),
  size: z.int().min(1).max(0xffff_ffff).optional(),
  timeout: Seconds.optional(),
  'gc-interval': Seconds.optional(),
  'auto-merge': z.boolean().optional(),
  /** What each element has: counters, limits, quotas. */
  stmt: z.array(Statement).max(8).optional(),
  elem: Elements.optional(),
}
export const NewSet = z.strictObject(set)
export const NewMap = z.strictObject({ ...set, map: SetType })
export const ElementsOf = z.strictObject({ ...inTable, name: Name, elem: Elements })

const L4 = Token.optional()
const L3 = z.enum(['ip', 'ip6', 'inet']).optional()
export const OBJECTS = {
  flowtable: z.strictObject({ ...named, hook: z.literal('ingress'), prio: Priority, dev: Devices }),
  counter: z.strictObject({ ...named, packets: Count.optional(), bytes: Count.optional() }),
  quota: z.strictObject({ ...named, bytes: Count, used: Count.optional(), inv: z.boolean().optional() }),
  limit: z.strictObject({ ...named, ...Limit.shape }),
  'ct helper': z.strictObject({ ...named, type: Token, protocol: L4, l3proto: L3 }),
  'ct timeout': z.strictObject({
    ...named,
    protocol: L4,
    l3proto: L3,
    /** Seconds, by the state of the connection. */
    policy: z.record(Token, Integer).optional(),
  }),
  /** libnftables 1.0.6 cannot add one: it reads `dport` and `size` from the wrong place. */
  'ct expectation': z.strictObject({
    ...named,
    protocol: L4,
    l3proto: L3,
    dport: z.int().min(0).max(0xffff).optional(),
    timeout: Count.optional(),
    size: Count.optional(),
  }),
  secmark: z.strictObject({ ...named, context: z.string().regex(/^[^\p{C}"\\]{1,255}$/u) }),
  synproxy: z.strictObject({ ...named, ...Synproxy.shape }),
}

/** By which something of a table is found. */
export const ById = z.union([
  z.strictObject({ ...inTable, name: Name }),
  z.strictObject({ ...inTable, handle: Handle }),
])
export const TableById = z.union([
  z.strictObject({ family: Family, name: Name }),
  z.strictObject({ family: Family, handle: Handle }),
])
export const ByName = z.strictObject({ ...inTable, name: Name })
export const RuleById = z.strictObject({ ...inTable, chain: Name, handle: Handle })
export const Renamed = z.strictObject({ ...inTable, name: Name, newname: Name })
