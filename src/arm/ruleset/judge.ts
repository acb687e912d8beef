/** The judging chains: which packets are an offence, and what the kernel does at once. */
import type { Grades, Settings, SilentPort } from '../../settings/settings.ts'
import { CHANNELS, type TellingChannel } from '../../terms/channel.ts'
import {
  because,
  type ChainSpec,
  counted,
  isIn,
  ofFlow,
  type Paragraph,
  put,
  SPARED,
  type Statement,
  toLocalPort,
} from './spec.ts'

/** UDP that is no scan: DHCP, NetBIOS, DHCPv6, SSDP, WS-Discovery, mDNS, LLMNR. */
export const UDP_NOISE = '67, 68, 137, 138, 546, 547, 1900, 3702, 5353, 5355'
/** traceroute, tracepath and mtr. */
const UDP_TRACEROUTE = '33000-33999, 44444-44700'
/**
 * UDP from and to the ports of those who answer late, or speak first after our reboot: DNS, Kerberos, NTP, SNMP, LDAP, QUIC, IKE,
 * DNS over TLS, RADIUS, STUN, NAT-T, mDNS, WireGuard.
 */
export const UDP_PEERS = '53, 88, 123, 161, 389, 443, 500, 853, 1812, 3478, 4500, 5353, 51820'
/**
 * Protocols whose peers lose state without being scanners (IANA protocol numbers): hop-by-hop 0, IGMP 2, IPIP 4, IPv6 41, GRE 47, ESP 50,
 * AH 51, no next header 59, EIGRP 88, OSPF 89, encapsulation 94 and 98, PIM 103, VRRP 112, L2TPv3 115, SCTP 132,
 * UDP-Lite 136, MPLS 137, HIP 139.
 */
const PEER_PROTOCOLS = '0, 2, 4, 41, 47, 50, 51, 59, 88, 89, 94, 98, 103, 112, 115, 132, 136, 137, 139'
/** ICMP questions that only scanners ask. */
const SCANNERS_ASK = 'timestamp-request, info-request, address-mask-request'
const PINGS = ['icmp type echo-request', 'icmpv6 type echo-request']
/** Nobody is held meanwhile, so a flood of forged packets comes here whole; a scan needs three of them. */
const WEAK_LIMIT = 'limit rate 2000/second burst 4000 packets'

export function judge(
  { number, grades }: Pick<Settings, 'number' | 'grades'>,
  statement: Statement,
  firstLocalPort: number,
): readonly ChainSpec[] {
  const tell = (channel: TellingChannel) => {
    const at = number + CHANNELS.indexOf(channel)
    return statement === 'queue' ? `queue num ${at}` : `log group ${at}`
  }
  return [
    grading(grades, firstLocalPort),
    ...(grades.silent.length === 0 ? [] : [SILENT]),
    offence(tell('offence')),
    weak('flypaper_weak_peer', 'A host that we talk to ourselves', tell('peer')),
    weak('flypaper_weak_known', 'A client that lately opened a whole connection', tell('known')),
    weak('flypaper_weak_late', 'A packet that is perhaps only late', tell('late')),
  ]
}

function grading(grades: Grades, firstLocalPort: number): ChainSpec {
  return {
    name: 'flypaper_judge',
    why: 'Is it an offence, is it met with silence, or does it go its way as without us?',
    paragraphs: [
      ...goesItsWay(grades),
      ...icmp(grades),
      ...tcp(firstLocalPort),
      ...udp(grades),
      grades.protocols === 'offence'
        ? because('Any other protocol is a protocol scan.', 'goto flypaper_offence')
        : because('Any other protocol goes its way, as the settings say.', 'return'),
    ],
  }
}

/** What is not asked any further, and what the settings answer. */
function goesItsWay(grades: Grades): readonly Paragraph[] {
  const graded = grades.ping === 'never' ? SCANNERS_ASK : `${SCANNERS_ASK}, echo-request`
  const silent = grades.silent.map(it => counted(matchOf(it), 'goto flypaper_silent', 'silent'))
  return [
    because(
      'ICMP errors and replies, neighbour and router discovery go their way.',
      `icmp type != { ${graded} } return`,
      grades.ping === 'never' ? 'meta l4proto icmpv6 return' : 'icmpv6 type != echo-request return',
    ),
    because(
      'Protocols whose peers speak unasked after a restart go their way.',
      `meta l4proto { ${PEER_PROTOCOLS} } return`,
    ),
    because(
      'The never-list, own addresses, gateways and resolvers.',
      ...SPARED.map(({ match, reason }) => counted(match, 'return', reason)),
    ),
    ...(silent.length === 0
      ? []
      : [because('Silence, as the settings say: it goes on to the chains of others.', ...silent)]),
  ]
}

/**
 * Others may want the packet: a port knock is heard by their rules. Only its answer is held back, whoever gives it. As conntrack names the flow
 * it leaves, also when its port was translated; as the packet names it, it leaves when conntrack does not know it.
 */
const SILENT: ChainSpec = {
  name: 'flypaper_silent',
  why: 'No offence, and no answer. When no more flows can be remembered, it goes on all the same: a knock must be heard.',
  paragraphs: [
    because('The flow whose answer flypaper_out holds back.', ...ofFlow('update @flypaper_stray')),
    because(
      'The same where conntrack does not know it.',
      'update @flypaper_stray { ip saddr . th sport . th dport }',
      'update @flypaper_stray6 { ip6 saddr . th sport . th dport }',
    ),
  ],
}

function icmp({ ping }: Grades): readonly Paragraph[] {
  const pings = PINGS.map(match =>
    ping === 'offence' ? `${match} goto flypaper_offence` : counted(match, 'drop', 'ping'),
  )
  return [
    ...(ping === 'never' ? [] : [because('Pings, as the settings say.', ...pings)]),
    because('ICMP questions that only scanners ask.', `icmp type { ${SCANNERS_ASK} } goto flypaper_offence`),
  ]
}

const tcp = (firstLocalPort: number): readonly Paragraph[] => [
  because(
    'TCP: flags that nothing legal carries, to open ports too.',
    'tcp flags & (fin | syn) == fin | syn goto flypaper_offence',
    'tcp flags & (syn | rst) == syn | rst goto flypaper_offence',
  ),
  because(
    'Backscatter (SYN+ACK, RST): whoever sends it is the victim of somebody who used our address.',
    counted('tcp flags & rst != 0', 'drop', 'backscatter'),
    counted('tcp flags & (syn | ack) == syn | ack', 'drop', 'backscatter'),
  ),
  because(
    'Late packets (ACK, FIN+ACK) prove nothing when they come to a port from which we open connections ourselves, or from a host that we talk to.',
    counted(`tcp flags & ack != 0 ${toLocalPort('tcp', firstLocalPort)}`, 'drop', 'late-packet'),
    ...isIn('flypaper_peers').map(match => counted(`tcp flags & ack != 0 ${match}`, 'drop', 'late-packet')),
    'tcp flags & ack != 0 goto flypaper_weak_late',
  ),
  because(
    'A SYN that arrived damaged is no offence.',
    counted('tcp flags & (fin | syn | rst | ack) == syn ct state invalid', 'drop', 'damaged'),
  ),
  because(
    'What is left of TCP wanted a closed port: SYN, FIN, NULL, XMAS.',
    'meta l4proto tcp goto flypaper_offence',
  ),
]

function udp(grades: Grades): readonly Paragraph[] {
  const noise = `udp dport { ${UDP_NOISE} }`
  return [
    because(
      'UDP: the noise of the neighbourhood, and traceroute.',
      grades.noise === 'offence' ? `${noise} goto flypaper_offence` : counted(noise, 'drop', 'noise'),
      counted(`udp dport { ${UDP_TRACEROUTE} }`, 'drop', 'traceroute'),
    ),
    because(
      'Late answers to a question of ours.',
      counted('udp dport @flypaper_asked', 'drop', 'late-answer'),
      counted('ip saddr . udp sport . udp dport @flypaper_questions', 'drop', 'late-answer'),
      counted('ip6 saddr . udp sport . udp dport @flypaper_questions6', 'drop', 'late-answer'),
    ),
    because(
      'Answers of services, or their questions: from hosts that we talk to they may be late. Of others the daemon counts the ports.',
      ...isIn('flypaper_peers').map(match =>
        counted(`udp sport { ${UDP_PEERS} } udp dport 1024-65535 ${match}`, 'drop', 'late-answer'),
      ),
      `udp sport { ${UDP_PEERS} } udp dport 1024-65535 goto flypaper_weak_late`,
      `udp dport { ${UDP_PEERS} } goto flypaper_weak_late`,
    ),
    because('Any other UDP wanted a closed port.', 'meta l4proto udp goto flypaper_offence'),
  ]
}

function offence(tell: string): ChainSpec {
  return {
    name: 'flypaper_offence',
    why: 'An offence. Its source is shut out in this same packet; what it means is for the daemon to judge.',
    paragraphs: [
      because(
        'Not for one packet, since that can be forged: a host that we talk to ourselves, a client that has opened a whole connection lately.',
        ...isIn('flypaper_peers').map(match => `${match} goto flypaper_weak_peer`),
        ...isIn('flypaper_known').map(match => `${match} goto flypaper_weak_known`),
      ),
      because(
        'Hold. When the set is full these rules break off, and the packet goes on to the next: it is dropped all the same.',
        ...put('add', 'flypaper_hold'),
      ),
      because('Tell the daemon.', tell),
      because('And no answer, in a rule of its own.', 'counter drop'),
    ],
  }
}

function weak(name: ChainSpec['name'], who: string, tell: string): ChainSpec {
  return {
    name,
    why: `${who}: evidence too weak for a hold. The daemon counts different closed ports.`,
    paragraphs: [
      because('Tell the daemon, as long as it is not flooded.', `${WEAK_LIMIT} ${tell}`),
      because('And no answer, in a rule of its own.', 'counter drop'),
    ],
  }
}

/** The match of a port that the settings name. */
export function matchOf({ protocol, first, last }: SilentPort): string {
  return `${protocol} dport ${first === last ? first : `${first}-${last}`}`
}
