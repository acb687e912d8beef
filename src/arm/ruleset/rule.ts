/** A rule as a value: what a packet must meet, what happens then, and why. rule-text.ts writes it, once for each family it is for. */
import type { ChainName, SetName } from '../names.ts'

/** As nft calls IPv4 and IPv6 in a match. */
export type NftFamily = 'ip' | 'ip6'

/** Sets of which there are two: `name` for IPv4, `name6` for IPv6. */
export type PairName = { [Name in SetName]: `${Name}6` extends SetName ? Name : never }[SetName]

/**
 * An address of the packet. `fly`: as flies are named, an IPv4 host, a /64, or an IPv6 host alone where those of a network
 * stick one by one. `host`: whole.
 */
export interface Address {
  readonly address: 'saddr' | 'daddr'
  readonly as: 'fly' | 'host'
  /** As conntrack has it: before any translation, of the packet that opened the connection. */
  readonly original?: true
}

/** The parts of a concatenation, or the one part of a plain key; a text is alike in both families. */
export type Key = readonly (string | Address)[]

/** A list that several rules ask. It is written once, and has a name in the text: the kernel sees what is in it. */
export interface List {
  readonly list: string
  readonly elements: readonly string[]
}

export type Match =
  /** The same in both families, or about one alone. */
  | string
  | Readonly<Record<NftFamily, string>>
  /** `udp dport`, and in which list it is, or is not. */
  | { readonly field: string; readonly of: List; readonly not?: true }
  | Lookup

/** Of a pair, the set of the family is asked. With an address the key makes the rule one for each family. */
export type Lookup = { readonly key: Key; readonly in: SetName; readonly not?: true }

export type Verdict = 'drop' | 'accept' | 'return' | `goto ${ChainName}` | `jump ${ChainName}`

/** Changes a set. A full one makes the rule break off, and the packet goes on to the next rule. */
export interface Put {
  readonly put: 'add' | 'update' | 'delete'
  readonly set: SetName
  readonly key: Key
  /** Of each element its own; what is beyond it breaks off, or with `over` what is not. */
  readonly limit?: string
}

/** Hands the packet over to the daemon: by a queue number or an NFLOG group. */
export interface Tell {
  readonly tell: 'queue' | 'log'
  readonly at: number
  /** Beyond this rate the rule breaks off. */
  readonly limit?: string
}

export type Act = Put | Tell | 'counter' | Verdict

export interface Rule {
  readonly matches: readonly Match[]
  readonly acts: readonly Act[]
  /** Only for this family, though it has an address. */
  readonly only?: NftFamily
  /** For whoever lists the table: one clause. */
  readonly why?: string
  /** Under which its counter counts: stands before `why`. */
  readonly reason?: KernelReason
}

export function rule(matches: readonly Match[], ...acts: readonly Act[]): Rule {
  return { matches, acts }
}

/** Each of the matches leads to the same. */
export function each(matches: readonly (readonly Match[])[], ...acts: readonly Act[]): readonly Rule[] {
  return matches.map(one => rule(one, ...acts))
}

export function only(family: NftFamily, rules: readonly Rule[]): readonly Rule[] {
  return rules.map(one => ({ ...one, only: family }))
}

/** Why the kernel itself found a packet to be no offence: what the comment of the rule that counts it begins with. */
export const KERNEL_REASONS = [
  'never-list',
  'near',
  'elsewhere',
  'backscatter',
  'damaged',
  'late-packet',
  'late-answer',
  'noise',
  'traceroute',
  'ping',
  'silent',
] as const
export type KernelReason = (typeof KERNEL_REASONS)[number]

/** Counts packets under a reason, and ends their way or sends them on. */
export function counted(
  reason: KernelReason,
  matches: readonly Match[],
  verdict: Verdict,
  why?: string,
): Rule {
  return { ...rule(matches, 'counter', verdict), reason, ...(why !== undefined && { why }) }
}

/** The reason of a rule that counts, from its comment: all of it in tables that a version before 0.2 has armed. */
export function reasonOf(comment: string | undefined): KernelReason | undefined {
  const [word] = comment?.split(':', 1) ?? []
  return KERNEL_REASONS.find(reason => reason === word)
}
