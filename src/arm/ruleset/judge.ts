/** The judging chains: which packets are an offence, and what the kernel does at once. */
import type { Settings, Treatment } from '../../settings/settings.ts'
import { CHANNELS, type TellingChannel } from '../../terms/channel.ts'
import { flowOfPacket, ofFlow } from './flows.ts'
import { FRAME_TO_ALL, fromNoHost, LINK } from './link.ts'
import {
  ANSWER,
  ELSEWHERE,
  EXCUSABLE,
  FROM_SERVICE,
  isIn,
  isKey,
  matchOf,
  NOISE,
  PERHAPS_ANSWER,
  PORT,
  put,
  SPARED,
  STICKS,
  STICKS_WHY,
  SYN_ALONE,
  TO_SERVICE,
  toLocalPort,
  UDP,
} from './matches.ts'
import { LATER_FRAGMENT } from './reach.ts'
import { counted, each, type Match, rule, type Tell } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph, type Statement } from './spec.ts'
import { weakChains } from './weak.ts'

/** mtr 0.95 from 33000 on, each probe another port, and within it traceroute (33434-33523; of BSD to 33626); tracepath 20221126 uses 64. */
const UDP_TRACEROUTE = '33000-33999, 44444-44507'
/**
 * Protocols whose peers lose state without being scanners (IANA protocol numbers): hop-by-hop 0, IGMP 2, IPIP 4, IPv6 41, GRE 47, ESP 50,
 * AH 51, no next header 59, EIGRP 88, OSPF 89, encapsulation 94 and 98, PIM 103, VRRP 112, L2TPv3 115, SCTP 132,
 * UDP-Lite 136, MPLS 137, HIP 139.
 */
const PEER_PROTOCOLS = '0, 2, 4, 41, 47, 50, 51, 59, 88, 89, 94, 98, 103, 112, 115, 132, 136, 137, 139'
/** ICMP questions that only scanners ask. */
const SCANNERS_ASK = 'timestamp-request, info-request, address-mask-request'
const PINGS = ['icmp type echo-request', 'icmpv6 type echo-request']

export function judge(
  { number, evidence, public: open, doors }: Pick<Settings, 'number' | 'evidence' | 'public' | 'doors'>,
  statement: Statement,
  ground: Ground,
): readonly ChainSpec[] {
  const tell = (channel: TellingChannel): Tell => ({
    tell: statement,
    at: number + CHANNELS.indexOf(channel),
  })
  return [
    grading(evidence, sticking(open, doors), ground),
    ...(evidence.silent.length === 0 ? [] : [SILENT]),
    LINK,
    offence(tell('offence')),
    ...weakChains(tell, evidence),
  ]
}

function grading(
  treatment: Treatment,
  sticks: readonly Paragraph[],
  { firstLocalPort, fib }: Ground,
): ChainSpec {
  return {
    name: 'flypaper_judge',
    why: 'is it an offence, is it met with silence, or does it go its way as without us?',
    paragraphs: [
      ...goesItsWay(treatment),
      ...(fib ? [elsewhere] : []),
      ...sticks,
      fromNoHost,
      ...icmp(treatment),
      ...tcp(firstLocalPort),
      ...udp(treatment),
      treatment.protocols === 'offence'
        ? because('any other protocol: a protocol scan', [rule([], 'goto flypaper_offence')])
        : because('any other protocol goes its way, as the settings say', [rule([], 'return')]),
    ],
  }
}

/** What is not asked any further, and what the settings answer. */
function goesItsWay(treatment: Treatment): readonly Paragraph[] {
  const graded = treatment.ping === 'never' ? SCANNERS_ASK : `${SCANNERS_ASK}, echo-request`
  const silent = treatment.silent.map(it => counted('silent', [matchOf(it)], 'goto flypaper_silent'))
  return [
    because(
      'a later fragment: it opens nothing without its first, which is judged',
      [rule([LATER_FRAGMENT], 'return')],
      'Seldom, since conntrack puts them together; and before anything asks for ports, which the kernel may read from what stands in their place.',
    ),
    because('ICMP but questions of scanners, neighbour and router discovery: pass as without us', [
      rule([`icmp type != { ${graded} }`], 'return'),
      rule([treatment.ping === 'never' ? 'meta l4proto icmpv6' : 'icmpv6 type != echo-request'], 'return'),
    ]),
    because('tunnels, routers and the like, whose peers speak unasked after a restart', [
      rule([`meta l4proto { ${PEER_PROTOCOLS} }`], 'return'),
    ]),
    { rules: SPARED.map(({ match, reason, why }) => counted(reason, [match], 'return', why)) },
    ...(silent.length === 0
      ? []
      : [because('no lockout and no answer, as the settings say; the chains of others hear it', silent)]),
  ]
}

/** By a public port that nobody serves, or a door that the rules of others keep shut. Where it can only be a door, most packets are not asked who sent them. */
function sticking(open: Settings['public'], doors: boolean): readonly Paragraph[] {
  if (open.length === 0 && !doors) return []
  const where: readonly Match[] = open.length > 0 ? [] : [UDP, isKey('flypaper_doors', ...PORT)]
  return [
    because(
      STICKS_WHY,
      each(
        STICKS.map(who => [...where, who]),
        'drop',
      ),
    ),
  ]
}

/** Before anything counts. What somebody accepts does not come here, so that asymmetric routes and two legs stay well. */
const elsewhere: Paragraph = {
  rules: [
    counted('elsewhere', ELSEWHERE, 'drop', 'its source belongs on another of our links: forged, or astray'),
  ],
}

/**
 * Others may want the packet: a port knock is heard by their rules. Only its answer is held back, whoever gives it. As conntrack names the flow
 * it leaves, also when its port was translated; as the packet names it, it leaves when conntrack does not know it.
 */
const SILENT: ChainSpec = {
  name: 'flypaper_silent',
  why: 'no offence, and no answer. When no more flows can be remembered, it goes on all the same',
  paragraphs: [
    because('the flow whose answer flypaper_out holds back', ofFlow('update')),
    because('the same where conntrack does not know it', [rule([], flowOfPacket('update'))]),
  ],
}

function icmp({ ping }: Treatment): readonly Paragraph[] {
  const pings = PINGS.map(match =>
    ping === 'offence' ? rule([match], 'goto flypaper_offence') : counted('ping', [match], 'drop'),
  )
  return [
    ...(ping === 'never' ? [] : [because('as the settings say', pings)]),
    because('ICMP questions that only scanners ask', [
      rule([`icmp type { ${SCANNERS_ASK} }`], 'goto flypaper_offence'),
    ]),
  ]
}

const ACK = 'tcp flags & ack != 0'

/** Of packets that open something. */
function excusable(match: Match): Paragraph {
  return because('a port that honest hosts ask for, too: flypaper_excusable', [
    rule([match, EXCUSABLE], 'goto flypaper_weak_late'),
  ])
}

const tcp = (firstLocalPort: number): readonly Paragraph[] => [
  because(
    'flags that nothing legal carries, to open ports too',
    each(
      [['tcp flags & (fin | syn) == fin | syn'], ['tcp flags & (syn | rst) == syn | rst']],
      'goto flypaper_offence',
    ),
  ),
  because('its sender is the victim of somebody who used our address', [
    counted('backscatter', ['tcp flags & rst != 0'], 'drop'),
    counted('backscatter', ['tcp flags & (syn | ack) == syn | ack'], 'drop'),
  ]),
  {
    rules: [
      counted(
        'late-packet',
        [ACK, toLocalPort('tcp', firstLocalPort)],
        'drop',
        'to a port from which we open connections',
      ),
      counted('late-packet', [ACK, isIn('flypaper_peers')], 'drop', 'from a host that we talk to'),
      { ...rule([ACK], 'goto flypaper_weak_late'), why: 'ACK without a connection: an ACK scan, or late' },
    ],
  },
  because('a SYN that arrived damaged is no offence', [
    counted('damaged', [SYN_ALONE, 'ct state invalid'], 'drop'),
  ]),
  excusable(SYN_ALONE),
  because('TCP that wanted a closed port: SYN, FIN, NULL, XMAS', [
    rule(['meta l4proto tcp'], 'goto flypaper_offence'),
  ]),
]

function udp(treatment: Treatment): readonly Paragraph[] {
  return [
    because('DHCP, NetBIOS, SSDP, mDNS and the like', [
      treatment.noise === 'offence'
        ? rule([NOISE], 'goto flypaper_offence')
        : counted('noise', [NOISE], 'drop'),
    ]),
    because('also of tracepath and mtr', [
      counted('traceroute', [`udp dport { ${UDP_TRACEROUTE} }`], 'drop'),
    ]),
    {
      rules: [
        counted(
          'late-answer',
          [isKey('flypaper_asked', 'udp dport')],
          'drop',
          'we asked the whole neighbourhood from this port',
        ),
        counted('late-answer', [ANSWER], 'drop', 'to a question of ours'),
        counted(
          'late-answer',
          PERHAPS_ANSWER,
          'drop',
          'of a service at a host that we talk to, when not all questions could be remembered',
        ),
      ],
    },
    because('as the answer of a service, to a port from which nobody asked: one packet can be forged', [
      rule([...FROM_SERVICE, isIn('flypaper_peers')], 'goto flypaper_weak_peer'),
      rule([...FROM_SERVICE, isIn('flypaper_known')], 'goto flypaper_weak_known'),
    ]),
    because('the answer of a service, or a question to one: perhaps only late', [
      rule(FROM_SERVICE, 'goto flypaper_weak_late'),
      rule([TO_SERVICE], 'goto flypaper_weak_late'),
    ]),
    excusable(UDP),
    because('to us alone, in a frame to everybody: a trick, or a switch that is astray', [
      rule([UDP, FRAME_TO_ALL], 'goto flypaper_weak_late'),
    ]),
    because('UDP that wanted a closed port', [rule([UDP], 'goto flypaper_offence')]),
  ]
}

function offence(tell: Tell): ChainSpec {
  return {
    name: 'flypaper_offence',
    why: 'an offence: its source is shut out in this same packet, and the daemon judges for how long',
    paragraphs: [
      because('a host that we talk to: one packet can be forged', [
        rule([isIn('flypaper_peers')], 'goto flypaper_weak_peer'),
      ]),
      because('a client that opened a whole connection lately: one packet can be forged', [
        rule([isIn('flypaper_known')], 'goto flypaper_weak_known'),
      ]),
      because(
        'hold the source',
        [rule([], put('add', 'flypaper_hold'))],
        'When the set is full these rules break off, and the packet goes on to the next: it is dropped all the same.',
      ),
      because('tell the daemon', [rule([], tell)]),
      because('and no answer', [rule([], 'counter', 'drop')]),
    ],
  }
}
