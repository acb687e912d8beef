/**
 * Expressions of libnftables-json(5): what a match compares, a statement sets, a map leads to. Which fields, keys and options there are
 * libnftables knows; those named in the types are of version 1.0.6.
 */
import { isIP } from 'node:net'
import * as z from 'zod'
import { Comment, Seconds } from './element.ts'
import { Integer, Name, Token } from './scalars.ts'
import { listOf, tagged } from './tagged.ts'

/** One of the known ones, or what another version has. */
type Or<Known extends string> = Known | (string & {})

export type Verdict =
  | { accept: null }
  | { drop: null }
  | { continue: null }
  | { return: null }
  | { jump: { target: string } }
  | { goto: { target: string } }

type Header = Or<
  | 'ether'
  | 'vlan'
  | 'arp'
  | 'ip'
  | 'icmp'
  | 'igmp'
  | 'ip6'
  | 'icmpv6'
  | 'ah'
  | 'esp'
  | 'comp'
  | 'udp'
  | 'udplite'
  | 'tcp'
  | 'dccp'
  | 'sctp'
  | 'th'
>
type MetaKey = Or<
  | 'length'
  | 'protocol'
  | 'priority'
  | 'random'
  | 'mark'
  | 'iif'
  | 'iifname'
  | 'iiftype'
  | 'oif'
  | 'oifname'
  | 'oiftype'
  | 'skuid'
  | 'skgid'
  | 'nftrace'
  | 'rtclassid'
  | 'ibriport'
  | 'obriport'
  | 'ibridgename'
  | 'obridgename'
  | 'pkttype'
  | 'cpu'
  | 'iifgroup'
  | 'oifgroup'
  | 'cgroup'
  | 'nfproto'
  | 'l4proto'
  | 'ipsec'
  | 'iifkind'
  | 'oifkind'
  | 'time'
  | 'day'
  | 'hour'
>
type CtKey = Or<
  | 'state'
  | 'direction'
  | 'status'
  | 'mark'
  | 'expiration'
  | 'helper'
  | 'label'
  | 'l3proto'
  | 'protocol'
  | 'saddr'
  | 'daddr'
  | 'ip saddr'
  | 'ip daddr'
  | 'ip6 saddr'
  | 'ip6 daddr'
  | 'proto-src'
  | 'proto-dst'
  | 'bytes'
  | 'packets'
  | 'avgpkt'
  | 'zone'
  | 'event'
  | 'secmark'
  | 'id'
  | 'count'
>
type Option = { name: string; field?: string | undefined; offset?: number | undefined }
type Modulo = { mod: number; offset?: number | undefined }

/** What is read from the packet or from what belongs to it. */
export type Selector =
  | {
      payload:
        | { protocol: Header; field: string }
        | { base: 'll' | 'nh' | 'th' | 'ih'; offset: number; len: number }
    }
  | { exthdr: Option }
  | { 'tcp option': Option | { base: number; offset: number; len: number } }
  | { 'ip option': Option }
  | { 'sctp chunk': Option }
  | { 'dccp option': { type: number } }
  | { meta: { key: MetaKey } }
  | { ct: { key: CtKey; family?: 'ip' | 'ip6' | undefined; dir?: 'original' | 'reply' | undefined } }
  | { rt: { key: Or<'classid' | 'nexthop' | 'mtu' | 'ipsec'>; family?: 'ip' | 'ip6' | undefined } }
  | { fib: { result: Or<'oif' | 'oifname' | 'type'>; flags?: string | string[] | undefined } }
  | { socket: { key: Or<'transparent' | 'mark' | 'wildcard' | 'cgroupv2'>; level?: number | undefined } }
  | { osf: { key: Or<'name' | 'version'>; ttl?: Or<'loose' | 'skip'> | undefined } }
  | {
      ipsec: { key: string; family?: 'ip' | 'ip6' | undefined; dir: 'in' | 'out'; spnum?: number | undefined }
    }
  | { numgen: Modulo & { mode: 'inc' | 'random' } }
  | { symhash: Modulo }
  | { jhash: Modulo & { expr: Expression; seed?: number | undefined } }

type Pair = [Expression, Expression]

/** An element of an anonymous set or of a map, with what it has beside its value. */
export type Attributes = {
  elem: {
    val: Expression
    /** Seconds. */
    timeout?: number | undefined
    /** Seconds that are left of it. */
    expires?: number | undefined
    comment?: string | undefined
    /** What listings tell; libnftables 1.0.6 takes no notice of it when an element is added. */
    counter?: { packets: number; bytes: number } | undefined
    limit?: unknown
    quota?: unknown
    'ct count'?: unknown
    last?: unknown
  }
}

/**
 * A string is a literal address, `@name` for a set, or a word (`established`, `ssh`, `eth0`). A word is looked up where it stands: beside an address even as the
 * name of a host, which is why `run` refuses it there.
 */
export type Expression =
  | string
  | number
  | boolean
  | Expression[]
  | { concat: Expression[] }
  | { set: Expression | (Expression | Pair)[] }
  | { map: { key: Expression; data: Expression } }
  | { prefix: { addr: Expression; len: number } }
  | { range: Pair }
  | { '|': Expression[] }
  | { '^': Expression[] }
  | { '&': Expression[] }
  | { '<<': Expression[] }
  | { '>>': Expression[] }
  | Attributes
  | Selector
  | Verdict

const Text = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,255}$/u, {
  error: 'a text has 1 to 255 characters, none of them a control character',
})

const later = z.lazy(() => Expression)
const Pair = z.tuple([later, later])
const Target = z.strictObject({ target: Name })

export const VERDICTS = {
  accept: z.null(),
  drop: z.null(),
  continue: z.null(),
  return: z.null(),
  jump: Target,
  goto: Target,
}

const IpFamily = z.enum(['ip', 'ip6']).optional()
const Option = z.strictObject({ name: Token, field: Token.optional(), offset: Integer.optional() })
const modulo = { mod: Integer, offset: Integer.optional() }
const Rest = z.unknown().optional()
/** Two; later versions write more of them in one. */
const Operands = z.array(later).min(2).max(32)

const SELECTORS = {
  payload: z.union([
    z.strictObject({ protocol: Token, field: Token }),
    z.strictObject({ base: z.enum(['ll', 'nh', 'th', 'ih']), offset: Integer, len: Integer }),
  ]),
  exthdr: Option,
  'tcp option': z.union([Option, z.strictObject({ base: Integer, offset: Integer, len: Integer })]),
  'ip option': Option,
  'sctp chunk': Option,
  'dccp option': z.strictObject({ type: Integer }),
  meta: z.strictObject({ key: Token }),
  ct: z.strictObject({ key: Token, family: IpFamily, dir: z.enum(['original', 'reply']).optional() }),
  rt: z.strictObject({ key: Token, family: IpFamily }),
  fib: z.strictObject({ result: Token, flags: listOf(Token).optional() }),
  socket: z.strictObject({ key: Token, level: Integer.optional() }),
  osf: z.strictObject({ key: Token, ttl: Token.optional() }),
  ipsec: z.strictObject({
    key: Token,
    family: IpFamily,
    dir: z.enum(['in', 'out']),
    spnum: Integer.optional(),
  }),
  numgen: z.strictObject({ ...modulo, mode: z.enum(['inc', 'random']) }),
  symhash: z.strictObject(modulo),
  jhash: z.strictObject({ ...modulo, expr: later, seed: Integer.optional() }),
}

const Nested = tagged({
  ...SELECTORS,
  ...VERDICTS,
  concat: z.array(later).min(1).max(16),
  set: z.union([later, z.array(z.union([Pair, later]))]),
  map: z.strictObject({ key: later, data: later }),
  prefix: z
    .strictObject({ addr: later, len: z.int().min(0).max(128) })
    .refine(({ addr, len }) => typeof addr !== 'string' || len <= (isIP(addr) === 4 ? 32 : 128), {
      error: 'prefix longer than the address',
    }),
  range: Pair,
  '|': Operands,
  '^': Operands,
  '&': Operands,
  '<<': Operands,
  '>>': Operands,
  elem: z
    .strictObject({
      val: later,
      timeout: Seconds.optional(),
      expires: Seconds.optional(),
      comment: Comment.optional(),
      counter: z.strictObject({ packets: z.number(), bytes: z.number() }).optional(),
      limit: Rest,
      quota: Rest,
      'ct count': Rest,
      last: Rest,
    })
    .refine(({ timeout, expires }) => expires === undefined || expires <= (timeout ?? expires), {
      error: 'expires is longer than the timeout',
    }),
})

export const Expression: z.ZodType<Expression, Expression> = z.union([
  Text,
  z.int(),
  z.boolean(),
  z.array(later),
  Nested as z.ZodType<Exclude<Expression, string | number | boolean>>,
]) as z.ZodType<Expression, Expression>
