/** Matches that several chains need. */
import type { SilentPort } from '../../settings/settings.ts'
import type { SetName } from '../names.ts'
import type { Address, KernelReason, Key, List, Lookup, Match, PairName, Put } from './rule.ts'
import type { Ground } from './spec.ts'

type Way = Address['address']

/** Our own ports, from which we open connections, begin here unless somebody has set net.ipv4.ip_local_port_range. */
export const FIRST_LOCAL_PORT = 32_768
/** Where nobody has looked. */
export const USUAL_GROUND: Ground = {
  firstLocalPort: FIRST_LOCAL_PORT,
  fib: true,
  inside: false,
  uplinks: [],
  ingress: [],
}

/** A TCP packet that opens a connection. */
export const SYN_ALONE = 'tcp flags & (fin | syn | rst | ack) == syn'
export const UDP = 'meta l4proto udp'

/** UDP that is no scan: DHCP, NetBIOS, DHCPv6, SSDP, WS-Discovery, mDNS, LLMNR. */
const UDP_NOISE = list('udp_noise', '67, 68, 137, 138, 546, 547, 1900, 3702, 5353, 5355')
/**
 * Services that answer late, or speak first after our reboot: DNS, Kerberos, NTP, SNMP, LDAP, QUIC, IKE, DNS over TLS, RADIUS,
 * STUN, NAT-T, mDNS, WireGuard.
 */
const UDP_SERVICES = list(
  'udp_services',
  '53, 88, 123, 161, 389, 443, 500, 853, 1812, 3478, 4500, 5353, 51820',
)
/** Receivers that are nobody in particular: multicast and broadcast. */
const EVERYBODY = list('everybody', '224.0.0.0/4, 255.255.255.255')

export const NOISE = { field: 'udp dport', of: UDP_NOISE } as const
export const NOT_NOISE: Match = { ...NOISE, not: true }
export const TO_SERVICE: Match = { field: 'udp dport', of: UDP_SERVICES }
/** Written out: libnftables 1.0.6 ends the process over a rule that names a list and a set that is gone. */
export const TO_NO_SERVICE = `udp dport != { ${UDP_SERVICES.elements.join(', ')} }`
/** Who asks does so from one of these. */
const FIRST_UNPRIVILEGED = 1024
/** What may be the answer of a service, by its ports. */
export const FROM_SERVICE: readonly Match[] = [
  { field: 'udp sport', of: UDP_SERVICES },
  toLocalPort('udp', FIRST_UNPRIVILEGED),
]
const SERVICE_PORTS: ReadonlySet<number> = new Set(UDP_SERVICES.elements.map(Number))
/** The same of a datagram's ports. */
export function isFromService(from: number, to: number): boolean {
  return SERVICE_PORTS.has(from) && to >= FIRST_UNPRIVILEGED
}
export const TO_EVERYBODY: readonly Match[] = [{ field: 'ip daddr', of: EVERYBODY }, 'ip6 daddr ff00::/8']

export function list(name: string, elements: string): List {
  return { list: name, elements: elements.split(', ') }
}

/** Matches a packet to one of our own ports: those from the first on, to the end. */
export function toLocalPort(protocol: 'tcp' | 'udp', first: number): string {
  return `${protocol} dport ${first}-65535`
}

/** The match of a port that the settings name. */
export function matchOf({ protocol, first, last }: SilentPort): string {
  return `${protocol} dport ${first === last ? first : `${first}-${last}`}`
}

/** The same of its answers. */
export function answerOf(port: SilentPort): string {
  return matchOf(port).replace(' dport ', ' sport ')
}
/** A port of this machine, as what is served or excusable is remembered. */
export const PORT: Key = ['meta l4proto', 'th dport']

/** It listens by certain addresses alone, and this is none of them. */
export const IS_BOUND_ELSEWHERE: readonly Lookup[] = [
  { key: PORT, in: 'flypaper_bound_ports' },
  { key: [host('daddr'), ...PORT], in: 'flypaper_bound', not: true },
]

/** A port that rules of others open under a rate, a count, a quota or the like. */
export const IS_CONDITIONAL: Lookup = { key: PORT, in: 'flypaper_conditional' }

/** Its port is one that honest hosts ask for, too. */
export const EXCUSABLE: Match = { key: PORT, in: 'flypaper_excusable' }

/** The packet's source or destination, as flies are named. */
export function fly(way: Way): Address {
  return { address: way, as: 'fly' }
}

export function host(way: Way): Address {
  return { address: way, as: 'host' }
}

/** Matches a source or destination that is in the sets: an IPv4 host, a /64, an IPv6 host alone. */
export function isIn(set: PairName, way: Way = 'saddr'): Lookup {
  return { key: [fly(way)], in: set }
}

/** Matches an address that is in sets of whole prefixes. */
export function isWithin(set: PairName, way: Way = 'saddr'): Lookup {
  return { key: [host(way)], in: set }
}

export function isNotWithin(set: PairName, way: Way): Lookup {
  return { ...isWithin(set, way), not: true }
}

export function isKey(set: SetName, ...key: Key): Lookup {
  return { key, in: set }
}

/** Puts a source or destination into the sets: as one IPv4 host, as its /64, or alone. */
export function put(verb: Put['put'], set: PairName, way: Way = 'saddr'): Put {
  return { put: verb, set, key: [fly(way)] }
}

/** Who sticks and gets here nevertheless, by what stays reachable: what he tries is no news. */
export const STICKS: readonly Lookup[] = [isIn('flypaper_hold'), isIn('flypaper')]
export const STICKS_WHY = 'who sticks already: what else it tries is no news'
/** What we have asked by UDP, as its answer names it. */
export const ANSWER = isKey('flypaper_questions', host('saddr'), 'udp sport', 'udp dport')
/**
 * Or perhaps have asked: of a host that we talk to, while not all questions could be remembered. The address comes first: behind a set of
 * families nft 1.1.3 takes none ("conflicting network layer protocols").
 */
export const PERHAPS_ANSWER: readonly Match[] = [
  ...FROM_SERVICE,
  isIn('flypaper_peers'),
  isKey('flypaper_forgotten', 'meta nfproto'),
]

/** Who is never judged: by the settings, or because he is near. */
export const SPARED: readonly {
  readonly match: Match
  readonly reason: KernelReason
  readonly why: string
}[] = [
  {
    match: isWithin('flypaper_never'),
    reason: 'never-list',
    why: 'whoever the settings name is never shut out',
  },
  { match: isWithin('flypaper_own'), reason: 'near', why: 'own addresses, gateways and resolvers' },
]

/**
 * A source of one of our links that comes by another: forged, or on an asymmetric way. Where a packet would be answered to, the kernel's
 * routes say. Only in chains of prerouting, input and forward.
 */
export const ELSEWHERE: readonly Match[] = [isWithin('flypaper_links'), 'fib saddr . iif oif missing']

/** From inside, where it goes out by an interface of a default route: only in chains of forward. */
export const OUTWARD: readonly Match[] = [isWithin('flypaper_inside'), isKey('flypaper_outside', 'oifname')]

/**
 * The same before routing, by this uplink, of a source that is on the link where it belongs. Marks and policy routes by interface are not looked
 * at. nft 1.0.6 has no set in which a route's interface could be looked for and whose listing loads.
 */
export function willGoOut(uplink: string): readonly Match[] {
  return [isWithin('flypaper_inside'), 'fib saddr . iif oif exists', `fib daddr oifname "${uplink}"`]
}

/** To the inside, from outside. */
export const INWARD: readonly Match[] = [
  isKey('flypaper_outside', 'iifname'),
  isWithin('flypaper_inside', 'daddr'),
]
