/**
 * Commands as libnftables-json(5) writes them, narrowed to what a program does to a living ruleset. Rulesets
 * are loaded as text: JSON of libnftables 1.0.6 knows neither `flags dynamic` nor updating a set from a packet.
 *
 * The schemas are strict, and only what they return is turned into text: an unknown property never gets in.
 */
import * as z from 'zod'
import { bareValue, Comment, NewElement, Seconds, Value } from './element.ts'
import { NftablesError } from './error.ts'

export const Family = z.enum(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'])
export type Family = z.infer<typeof Family>

/** What nft's own scanner takes as a name, so that a listing can be loaded again. */
export const Name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_/.-]{0,127}$/, { error: 'not a name that nft can read' })

const Handle = z.int().min(1)
const TableId = { family: Family, name: Name }
const InTable = { family: Family, table: Name }

const Table = z.strictObject(TableId)
const ChainId = z.strictObject({ ...InTable, name: Name })
export const SetId = z.strictObject({ ...InTable, name: Name })
export type SetId = z.infer<typeof SetId>
const RuleId = z.strictObject({ ...InTable, chain: Name, handle: Handle })

const Chain = z.strictObject({ ...InTable, name: Name })
const BaseChain = z.strictObject({
  ...InTable,
  name: Name,
  type: z.enum(['filter', 'nat', 'route']),
  hook: z.enum(['ingress', 'egress', 'prerouting', 'input', 'forward', 'output', 'postrouting']),
  prio: z.int().min(-0x8000_0000).max(0x7fff_ffff),
  policy: z.enum(['accept', 'drop']).optional(),
  dev: Name.optional(),
})

const DataType = z.enum(['ipv4_addr', 'ipv6_addr', 'ether_addr', 'inet_proto', 'inet_service', 'mark'])
const NewSet = z.strictObject({
  ...InTable,
  name: Name,
  type: z.union([DataType, z.array(DataType).min(2).max(16)]),
  flags: z.array(z.enum(['constant', 'interval', 'timeout'])).optional(),
  size: z.int().min(1).max(0xffff_ffff).optional(),
  timeout: Seconds.optional(),
  'gc-interval': Seconds.optional(),
})

const Statement = z.union([
  z.strictObject({ jump: z.strictObject({ target: Name }) }),
  z.strictObject({ goto: z.strictObject({ target: Name }) }),
  z.strictObject({ counter: z.null() }),
  z.strictObject({ return: z.null() }),
  z.strictObject({ accept: z.null() }),
  z.strictObject({ drop: z.null() }),
])
const Rule = z.strictObject({
  ...InTable,
  chain: Name,
  comment: Comment.optional(),
  expr: z.array(Statement).min(1).max(8),
})

const table = z.strictObject({ table: Table })
const chain = z.strictObject({ chain: ChainId })
const set = z.strictObject({ set: SetId })

/** One command; its one property is the verb, as in libnftables-json(5). */
export const Command = z.union([
  z.strictObject({
    add: z.union([
      z.strictObject({
        element: z.strictObject({ ...InTable, name: Name, elem: z.array(NewElement).min(1) }),
      }),
      z.strictObject({ rule: Rule }),
      z.strictObject({ chain: z.union([Chain, BaseChain]) }),
      z.strictObject({ set: NewSet }),
      table,
    ]),
  }),
  z.strictObject({
    delete: z.union([
      z.strictObject({ element: z.strictObject({ ...InTable, name: Name, elem: z.array(Value).min(1) }) }),
      z.strictObject({ rule: RuleId }),
      chain,
      set,
      table,
    ]),
  }),
  z.strictObject({ flush: z.union([set, chain, table]) }),
  z.strictObject({
    rename: z.strictObject({ chain: z.strictObject({ ...InTable, name: Name, newname: Name }) }),
  }),
])
export type Command = z.infer<typeof Command>

const Commands = z.array(Command)

/** The text of one transaction; throws NftablesError `invalid`, which says where, when a command is not one of ours. */
export function transactionOf(commands: readonly Command[]): string {
  const checked = Commands.safeParse(commands)
  if (!checked.success)
    throw new NftablesError('invalid', z.prettifyError(checked.error), { cause: checked.error })
  return JSON.stringify({ nftables: checked.data })
}

/**
 * The commands that take elements out of a set, whether or not they are in it, in one transaction: nft
 * refuses to delete what is not there, so it is added first. In a full set that needs room: an element that
 * is not there is then refused with `set-full`. An element that is named twice is deleted once.
 */
export function forget(id: SetId, elements: readonly NewElement[]): Command[] {
  if (elements.length === 0) return []
  const elem = [...new Map(elements.map(bareValue).map(value => [JSON.stringify(value), value])).values()]
  return [{ add: { element: { ...id, elem } } }, { delete: { element: { ...id, elem } } }]
}

/**
 * The commands that put elements into a set with just these attributes, whatever they had before: kernels
 * before 6.12 silently keep the old timeout of an element that is added again.
 */
export function put(id: SetId, elements: readonly NewElement[]): Command[] {
  if (elements.length === 0) return []
  return [...forget(id, elements), { add: { element: { ...id, elem: [...elements] } } }]
}
