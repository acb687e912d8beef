/** Statements of libnftables-json(5): what a rule consists of. */
import * as z from 'zod'
import { Expression, VERDICTS, type Verdict } from './expression.ts'
import { Count, Integer, Name, Null } from './scalars.ts'
import { listOf, tagged } from './tagged.ts'

type Flags<Flag extends string> = Flag | Flag[]
type Operator = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in' | '&' | '|' | '^' | '<<' | '>>' | '!'
type Nat = {
  family?: 'ip' | 'ip6' | undefined
  addr?: Expression | undefined
  port?: Expression | undefined
  flags?: Flags<'random' | 'fully-random' | 'persistent' | 'netmap'> | undefined
  type_flags?: Flags<'interval' | 'prefix' | 'concat'> | undefined
}
type Limit = {
  rate: number
  rate_unit?: 'packets' | 'bytes' | 'kbytes' | 'mbytes' | undefined
  per: 'second' | 'minute' | 'hour' | 'day' | 'week'
  burst?: number | undefined
  burst_unit?: 'packets' | 'bytes' | 'kbytes' | 'mbytes' | undefined
  inv?: boolean | undefined
}
type Quota = {
  val: number
  val_unit?: 'bytes' | 'kbytes' | 'mbytes' | undefined
  used?: number | undefined
  used_unit?: 'bytes' | 'kbytes' | 'mbytes' | undefined
  inv?: boolean | undefined
}
type Log = {
  prefix?: string | undefined
  group?: number | undefined
  snaplen?: number | undefined
  'queue-threshold'?: number | undefined
  level?: 'emerg' | 'alert' | 'crit' | 'err' | 'warn' | 'notice' | 'info' | 'debug' | 'audit' | undefined
  flags?: Flags<'tcp sequence' | 'tcp options' | 'ip options' | 'skuid' | 'ether' | 'all'> | undefined
}
type Synproxy = {
  mss?: number | undefined
  wscale?: number | undefined
  flags?: Flags<'timestamp' | 'sack-perm'> | undefined
}

export type Statement =
  | Verdict
  | { match: { left: Expression; right: Expression; op: Operator } }
  /** A string names an object of the table, here and below. */
  | { counter: null | { packets: number; bytes: number } | Expression }
  | { mangle: { key: Expression; value: Expression } }
  | { quota: Quota | Expression }
  | { limit: Limit | Expression }
  | { last: null | { used?: number | undefined } }
  | { flow: { op: 'add'; flowtable: string } }
  | { fwd: { dev: Expression; family?: 'ip' | 'ip6' | undefined; addr?: Expression | undefined } }
  | { notrack: null }
  | { dup: { addr: Expression; dev?: Expression | undefined } }
  | { snat: null | Nat }
  | { dnat: null | Nat }
  | { masquerade: null | Nat }
  | { redirect: null | Nat }
  | {
      reject: null | {
        type?: 'tcp reset' | 'icmpx' | 'icmp' | 'icmpv6' | undefined
        expr?: Expression | undefined
      }
    }
  /** Of packets: adds the key to a set, or renews it there. */
  | {
      set: { op: 'add' | 'update' | 'delete'; elem: Expression; set: string; stmt?: Statement[] | undefined }
    }
  | {
      map: {
        op: 'add' | 'update' | 'delete'
        elem: Expression
        data: Expression
        map: string
        stmt?: Statement[] | undefined
      }
    }
  | { log: null | Log }
  | { 'ct helper': Expression }
  | { 'ct timeout': Expression }
  | { 'ct expectation': Expression }
  | { secmark: Expression }
  | { meter: { name: string; key: Expression; stmt: Statement; size?: number | undefined } }
  | { queue: null | { num?: Expression | undefined; flags?: Flags<'bypass' | 'fanout'> | undefined } }
  | { vmap: { key: Expression; data: Expression } }
  | { 'ct count': { val: number; inv?: boolean | undefined } }
  | {
      tproxy: {
        family?: 'ip' | 'ip6' | undefined
        addr?: Expression | undefined
        port?: Expression | undefined
      }
    }
  | { synproxy: null | Synproxy | Expression }
  /** Takes an option of TCP out of the packet. */
  | { reset: Expression }

/** What nft can print between quotation marks and read again. */
const Prefix = z
  .string()
  .refine(text => /^[^\p{C}\p{Zl}\p{Zp}"\\]*$/u.test(text) && Buffer.byteLength(text) < 128, {
    error: 'a prefix has at most 127 bytes, without quotation marks, backslashes and control characters',
  })
const Reference = z
  .string()
  .regex(/^@[A-Za-z_][A-Za-z0-9_/.-]{0,127}$/, { error: 'not @ and the name of a set' })

const later = z.lazy(() => Statement)
const IpFamily = z.enum(['ip', 'ip6']).optional()
const Unit = z.enum(['packets', 'bytes', 'kbytes', 'mbytes']).optional()
const optional = Expression.optional()
const orNull = <T extends z.ZodType>(schema: T) => z.union([Null, schema])

const Nat = orNull(
  z.strictObject({
    family: IpFamily,
    addr: optional,
    port: optional,
    flags: listOf(z.enum(['random', 'fully-random', 'persistent', 'netmap'])).optional(),
    type_flags: listOf(z.enum(['interval', 'prefix', 'concat'])).optional(),
  }),
)
export const Limit = z.strictObject({
  rate: Count,
  rate_unit: Unit,
  per: z.enum(['second', 'minute', 'hour', 'day', 'week']),
  burst: Count.optional(),
  burst_unit: Unit,
  inv: z.boolean().optional(),
})
const Quota = z.strictObject({
  val: Count,
  val_unit: Unit,
  used: Count.optional(),
  used_unit: Unit,
  inv: z.boolean().optional(),
})
const Log = z.strictObject({
  prefix: Prefix.optional(),
  group: z.int().min(0).max(0xffff).optional(),
  snaplen: Integer.optional(),
  'queue-threshold': z.int().min(0).max(0xffff).optional(),
  level: z.enum(['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit']).optional(),
  flags: listOf(z.enum(['tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether', 'all'])).optional(),
})
export const Synproxy = z.strictObject({
  mss: Integer.optional(),
  wscale: Integer.optional(),
  flags: listOf(z.enum(['timestamp', 'sack-perm'])).optional(),
})
const dynamic = {
  op: z.enum(['add', 'update', 'delete']),
  elem: Expression,
  stmt: z.array(later).max(8).optional(),
}

const schema: z.ZodType = tagged({
  ...VERDICTS,
  match: z.strictObject({
    left: Expression,
    right: Expression,
    op: z.enum(['==', '!=', '<', '>', '<=', '>=', 'in', '&', '|', '^', '<<', '>>', '!']),
  }),
  counter: z.union([Null, z.strictObject({ packets: Count, bytes: Count }), Expression]),
  mangle: z.strictObject({ key: Expression, value: Expression }),
  quota: z.union([Quota, Expression]),
  limit: z.union([Limit, Expression]),
  last: orNull(z.strictObject({ used: Count.optional() })),
  flow: z.strictObject({ op: z.literal('add'), flowtable: Reference }),
  fwd: z.strictObject({ dev: Expression, family: IpFamily, addr: optional }),
  notrack: Null,
  dup: z.strictObject({ addr: Expression, dev: optional }),
  snat: Nat,
  dnat: Nat,
  masquerade: Nat,
  redirect: Nat,
  reject: orNull(
    z.strictObject({ type: z.enum(['tcp reset', 'icmpx', 'icmp', 'icmpv6']).optional(), expr: optional }),
  ),
  set: z.strictObject({ ...dynamic, set: Reference }),
  map: z.strictObject({ ...dynamic, map: Reference, data: Expression }),
  log: orNull(Log),
  'ct helper': Expression,
  'ct timeout': Expression,
  'ct expectation': Expression,
  secmark: Expression,
  meter: z.strictObject({ name: Name, key: Expression, stmt: later, size: Integer.optional() }),
  queue: orNull(z.strictObject({ num: optional, flags: listOf(z.enum(['bypass', 'fanout'])).optional() })),
  vmap: z.strictObject({ key: Expression, data: Expression }),
  'ct count': z.strictObject({ val: Integer, inv: z.boolean().optional() }),
  tproxy: z.strictObject({ family: IpFamily, addr: optional, port: optional }),
  synproxy: z.union([Null, Synproxy, Expression]),
  reset: Expression,
})

export const Statement = schema as z.ZodType<Statement, Statement>
