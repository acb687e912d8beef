/**
 * Traffic that nobody accepts and that is no scan, in both families: what networks, forgetful connection tables, devices and
 * people do all day. A case is what one source sends; what must come back to it says `answered`.
 */
import type { Outgoing } from '../../src/prove/packets.ts'

export interface Innocent {
  readonly name: string
  readonly packets: readonly Outgoing[]
  /** What its source must be answered: it is harmed otherwise. */
  readonly answered?: 'syn-ack' | 'udp' | 'icmp'
}

/** Who sends, and to whom. */
export interface Ends {
  readonly source: string
  readonly gate: string
  readonly six: boolean
}

/** Open on the gate. */
export const OPEN = { tcp: [22, 80], udp: [443] } as const
/** The port from which the gate asks everybody, and those from which it asks its name server. */
export const ASKING = 45_000
export const QUESTIONS = range(40_000, 200)
/** The flow of the gate whose packets are too big comes from here. */
export const BIG_FROM = 46_000

const FIN = 0x01
const RST = 0x04
const PSH = 0x08
const ACK = 0x10
const SYN = 0x02

/** Each by its name: the name is what a failure tells. */
export const INNOCENTS: readonly {
  name: string
  answered?: Innocent['answered']
  of(ends: Ends): Outgoing[]
}[] = [
  {
    name: 'ACK, data, FIN and RST of connections that conntrack forgot',
    of: ends =>
      [ACK, ACK | PSH, FIN | ACK, RST, RST | ACK].flatMap(flags =>
        [22, 80, 40_001, 8080].map(tcp => ({ ...way(ends), tcp, flags })),
      ),
  },
  {
    name: 'late data to many of our own ports',
    of: ends => range(50_000, 20).map(tcp => ({ ...way(ends), tcp, from: 443, flags: ACK | PSH })),
  },
  {
    name: 'backscatter of a victim whom somebody attacks in our name',
    of: ends =>
      [SYN | ACK, RST, RST | ACK].flatMap(flags =>
        [81, 1000, 2000, 40_000].map(tcp => ({ ...way(ends), tcp, from: 80, flags })),
      ),
  },
  {
    name: 'late answers of a name server whom we asked',
    of: ends => QUESTIONS.map(udp => ({ ...way(ends), udp, from: 53, data: 'answer' })),
  },
  {
    name: 'answers to our question to everybody, from whatever port the device likes',
    of: ends => [1900, 50_001, 50_002, 50_003].map(from => ({ ...way(ends), udp: ASKING, from })),
  },
  { name: 'DHCP', of: ends => [67, 68, 546, 547].map(udp => ({ ...way(ends), udp, from: 67 })) },
  { name: 'NetBIOS', of: ends => [137, 138].map(udp => ({ ...way(ends), udp, from: udp })) },
  {
    name: 'SSDP, WS-Discovery, mDNS, LLMNR',
    of: ends => [1900, 3702, 5353, 5355].map(udp => ({ ...way(ends), udp, from: udp })),
  },
  { name: 'traceroute', of: ends => range(33_434, 90).map(udp => ({ ...way(ends), udp })) },
  { name: 'mtr', of: ends => [33_000, 33_500, 33_999, 44_444, 44_507].map(udp => ({ ...way(ends), udp })) },
  {
    name: 'ping',
    answered: 'icmp',
    of: ends => range(1, 5).map(word => ({ ...way(ends), icmp: ends.six ? 128 : 8, word })),
  },
  {
    name: 'ICMP errors about flows that nobody knows',
    of: ends =>
      (ends.six ? [1, 2, 3, 4] : [3, 11, 12]).map(icmp => ({
        ...way(ends),
        icmp,
        word: 1400,
        about: { source: ends.gate, destination: ends.source, tcp: 80, flags: ACK },
      })),
  },
  {
    name: 'echo replies, redirects, router and neighbour discovery, MLD',
    of: ends =>
      (ends.six ? [129, 130, 131, 132, 133, 134, 135, 136, 137, 143] : [0, 5, 9, 10]).map(icmp => ({
        ...way(ends),
        icmp,
      })),
  },
  {
    name: 'two clients behind one address, at open ports',
    answered: 'syn-ack',
    of: ends => OPEN.tcp.flatMap(tcp => [40_000, 50_000].map(from => ({ ...way(ends), tcp, from }))),
  },
  {
    name: 'QUIC after a change of network',
    answered: 'udp',
    of: ends => [{ ...way(ends), udp: OPEN.udp[0], data: 'short header' }],
  },
  {
    name: 'a monitoring system: SNMP is closed',
    answered: 'syn-ack',
    of: ends =>
      range(1, 5).flatMap(word => [
        { ...way(ends), icmp: ends.six ? 128 : 8, word },
        { ...way(ends), tcp: 22, from: 40_000 + word },
        { ...way(ends), udp: 161, from: 40_000 + word },
      ]),
  },
  ...[123, 51_820].map(udp => ({
    name: `a peer that speaks first on UDP ${udp}`,
    of: (ends: Ends) => range(1, 3).map(() => ({ ...way(ends), udp, from: udp })),
  })),
  {
    name: 'IKE, and then NAT traversal',
    of: ends => [500, 4500, 500, 4500].map(udp => ({ ...way(ends), udp, from: udp })),
  },
  {
    name: 'IGMP, IPIP, IPv6 in IP, GRE, ESP, AH, EIGRP, OSPF, PIM, VRRP, L2TPv3, SCTP, UDP-Lite, MPLS, HIP',
    of: ends =>
      [2, 4, 41, 47, 50, 51, 88, 89, 103, 112, 115, 132, 136, 137, 139]
        // The kernel makes no IPv6 packet of an extension header that it has not built.
        .filter(protocol => !ends.six || ![51, 139].includes(protocol))
        .map(protocol => ({ ...way(ends), protocol, data: 'x'.repeat(40) })),
  },
  {
    name: 'a SYN that arrives damaged, at open and closed ports',
    of: ends => [22, 81, 82, 83].map(tcp => ({ ...way(ends), tcp, damaged: true })),
  },
]

/** Its packets shall arrive as if they came from 0.0.0.0, which no raw socket sends. */
export const ZERO = '169.254.7.0'

/** Sources that are no host. */
export function nobodies(ends: Pick<Ends, 'gate' | 'six'>): Outgoing[] {
  const sources = ends.six
    ? ['fe80::77', '::ffff:198.18.0.1', '::198.18.0.1']
    : ['169.254.7.7', '127.0.0.9', ZERO]
  return sources.flatMap(source => [81, 82, 83].map(tcp => ({ ...way({ ...ends, source }), tcp })))
}

/** What goes to everybody. */
export function toAll(source: string): Outgoing[] {
  const [addresses, ports] = source.includes(':')
    ? [
        ['ff0e::c', 'ff0e::fb', 'ff0e::1:3'],
        [547, 1900, 3702, 5353, 5355, 9999],
      ]
    : [
        ['192.0.2.255', '239.255.255.250', '224.0.0.251'],
        [67, 137, 138, 1900, 3702, 5353, 5355, 9999],
      ]
  return addresses.flatMap(destination => ports.map(udp => ({ source, destination, udp, from: udp })))
}

/** A packet of the gate's flow from BIG_FROM to port 443 of `far` was too big, says a router. */
export function tooBig({ source, gate, six }: Ends, far: string, word: number): Outgoing {
  const about = { source: gate, destination: far, udp: 443, from: BIG_FROM, data: 'too big' }
  const type = six ? { icmp: 2, code: 0 } : { icmp: 3, code: 4 }
  return { source, destination: gate, ...type, word, about }
}

function way({ source, gate }: Ends) {
  return { source, destination: gate }
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}
