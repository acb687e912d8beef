/** The shapes that a ruleset is made of, and the matches that both families of addresses need. */
import type { ChainName, SetName } from '../names.ts'

/** One paragraph of a chain: why, then the rules that do it. */
export interface Paragraph {
  readonly why: string
  readonly rules: readonly string[]
}

export interface ChainSpec {
  readonly name: ChainName
  readonly why: string
  /** `type filter hook input priority -10; policy accept;` for a base chain. */
  readonly hook?: string
  readonly paragraphs: readonly Paragraph[]
}

export interface SetSpec {
  readonly name: SetName
  readonly why: string
  readonly type: string
  readonly flags?: readonly ('timeout' | 'dynamic' | 'interval')[]
  /** Elements at most; the kernel refuses more. */
  readonly size?: number
  /** Seconds until an element goes by itself. */
  readonly timeout?: number
  /** The elements that the settings give. The file empties such a set before it fills it. */
  readonly elements?: readonly string[]
}

export interface Ruleset {
  readonly sets: readonly SetSpec[]
  readonly chains: readonly ChainSpec[]
  /** Base chains of the other mode, which must not stay behind. */
  readonly absent: readonly { name: ChainName; hook: string }[]
}

/** How offences reach the daemon. */
export type Statement = 'queue' | 'log'

export function because(why: string, ...rules: readonly string[]): Paragraph {
  return { why, rules }
}

/** A pair of sets that holds hosts as flies are named: `name` for IPv4, `name6` for IPv6. */
type HostSet = 'flypaper' | 'flypaper_hold' | 'flypaper_pending' | 'flypaper_peers' | 'flypaper_known'

/** A TCP packet that opens a connection. */
export const SYN_ALONE = 'tcp flags & (fin | syn | rst | ack) == syn'
/** Our own ports, from which we open connections, begin here unless somebody has set net.ipv4.ip_local_port_range. */
export const FIRST_LOCAL_PORT = 32_768

/** Matches a packet to one of our own ports: those from the first on, to the end. */
export function toLocalPort(protocol: 'tcp' | 'udp', first: number): string {
  return `${protocol} dport ${first}-65535`
}

/** The /64 of an IPv6 address, as nft writes it. */
export const NET64 = 'and ffff:ffff:ffff:ffff::'

/** As nft calls IPv4 and IPv6 in a match. */
export type NftFamily = 'ip' | 'ip6'

/** Those of the matches, or rules, that are about this family. */
export function ofFamily(family: NftFamily, matches: readonly string[]): readonly string[] {
  return matches.filter(match => new RegExp(`\\b${family} `).test(match))
}

/**
 * Matches a source or destination that is in the sets: an IPv4 host, a /64, an IPv6 host alone. The set is asked first,
 * so that an innocent's packet costs one look-up; of a network whose hosts stick one by one no /64 is meant.
 */
export function isIn(set: HostSet, way: 'saddr' | 'daddr' = 'saddr'): readonly string[] {
  return [
    `ip ${way} @${set}`,
    `ip6 ${way} ${NET64} @${set}6 ip6 ${way} != @flypaper_single6`,
    `ip6 ${way} @${set}6`,
  ]
}

/** Does it to the flow as it was before any translation, of TCP and UDP, both families: nft types its ports by the protocol. */
export function ofFlow(verb: 'update @flypaper_stray' | 'delete @flypaper_stray'): readonly string[] {
  return (['tcp', 'udp'] as const).flatMap(protocol =>
    (['ip', 'ip6'] as const).map(
      family => `meta l4proto ${protocol} ${verb}${family === 'ip6' ? '6' : ''} { ${originalFlow(family)} }`,
    ),
  )
}

/** As conntrack has it; an ICMP error has that of the packet which it answers. */
export function originalFlow(family: NftFamily): string {
  return `ct original ${family} saddr . ct original proto-src . ct original proto-dst`
}

/** Matches a source or destination that is held, unless we talk to it ourselves. */
export function isHeld(way: 'saddr' | 'daddr'): readonly string[] {
  return [
    `ip ${way} @flypaper_hold ip ${way} != @flypaper_peers`,
    `ip6 ${way} ${NET64} @flypaper_hold6 ip6 ${way} != @flypaper_single6 ip6 ${way} ${NET64} != @flypaper_peers6`,
    `ip6 ${way} @flypaper_hold6 ip6 ${way} != @flypaper_peers6`,
  ]
}

/** Puts a source or destination into the sets: as one IPv4 host, as its /64, or alone. */
export function put(
  verb: 'add' | 'update',
  set: HostSet,
  way: 'saddr' | 'daddr' = 'saddr',
): readonly string[] {
  return [
    `${verb} @${set} { ip ${way} }`,
    `ip6 ${way} != @flypaper_single6 ${verb} @${set}6 { ip6 ${way} ${NET64} }`,
    `ip6 ${way} @flypaper_single6 ${verb} @${set}6 { ip6 ${way} }`,
  ]
}

/** Who is never judged: by the settings, or because he is near. */
export const SPARED: readonly { readonly match: string; readonly reason: KernelReason }[] = [
  { match: 'ip saddr @flypaper_never', reason: 'never-list' },
  { match: 'ip6 saddr @flypaper_never6', reason: 'never-list' },
  { match: 'ip saddr @flypaper_own', reason: 'near' },
  { match: 'ip6 saddr @flypaper_own6', reason: 'near' },
]

/** Why the kernel itself found a packet to be no offence: the comment of the rule that counts it. */
export const KERNEL_REASONS = [
  'never-list',
  'near',
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

/** Counts packets under a reason, and ends their way or sends them back. */
export function counted(
  match: string,
  verdict: 'drop' | 'return' | 'goto flypaper_silent',
  reason: KernelReason,
): string {
  return `${match} counter ${verdict} comment "${reason}"`
}
