/**
 * closed = "unaccepted": what listens or would be forwarded, and is then refused by somebody else's rule. No rule tells
 * that it refused: so a packet that opens something is noted on its way in, before the chains of others, and the note is
 * taken back on the way out, behind them. Whose note stays was refused. docs/decisions/0021-unaccepted.md says why.
 */
import type { Grades } from '../../settings/settings.ts'
import { matchOf, UDP_NOISE, UDP_PEERS } from './judge.ts'
import {
  because,
  type ChainSpec,
  isIn,
  NET64,
  ofFlow,
  type Paragraph,
  put,
  SPARED,
  SYN_ALONE,
  toLocalPort,
} from './spec.ts'

/** Behind the chains of others: those of iptables and firewalld end at 10, that of address translation is at 100. */
const END = 400
export const FORWARD_HOOK = 'type filter hook forward priority -10; policy accept;'
export const END_INPUT_HOOK = `type filter hook input priority ${END}; policy accept;`
export const END_FORWARD_HOOK = `type filter hook forward priority ${END}; policy accept;`
/** The doorbell rings so often a second at most: it only wakes the daemon, which then looks into the sets. */
const RING = 'limit rate 4/second burst 4 packets'
/** What was tried, as both ends of the way see it. */
const DOOR = 'daddr . meta l4proto . th dport'

/** What is new from a source that is pending ends here, whatever it is; in the chains of both ways. */
export const pendingDrop: Paragraph = because(
  'An earlier packet of this source has not come out behind the chains of others: it was refused. Only what conntrack knows still passes.',
  ...isIn('flypaper_pending').map(match => `${match} counter drop`),
)

/** What strangers open through this machine; `exempt` are those who are never judged. */
export function through(exempt: readonly Paragraph[]): ChainSpec {
  return {
    name: 'flypaper_through',
    why: 'Forwarded traffic, after address translation and before the chains of others.',
    hook: FORWARD_HOOK,
    paragraphs: [
      ...exempt,
      fromOutside,
      because(
        'What opens a connection.',
        `${SYN_ALONE} goto flypaper_watch`,
        'meta l4proto udp goto flypaper_watch',
      ),
    ],
  }
}

const fromOutside = because(
  'Only what comes in by an interface of a default route, and does not go out by one: hosts behind us must not be cut off because they may not go out. In a VRF the incoming interface is the VRF, and sdif the one that is meant.',
  'iifname != @flypaper_outside meta sdifname != @flypaper_outside return',
  'oifname @flypaper_outside return',
)

export function watch(number: number, grades: Grades, firstLocalPort: number): readonly ChainSpec[] {
  const note = [
    `add @flypaper_passing { ip saddr . ip ${DOOR} }`,
    `add @flypaper_passing6 { ip6 saddr . ip6 ${DOOR} }`,
  ]
  const tell = because(
    'Wake the daemon, which looks a moment later at what has stayed.',
    ...note,
    `${RING} log group ${number}`,
  )
  return [
    {
      name: 'flypaper_watch',
      why: 'Somebody listens, or it would be forwarded. Will the chains of others let it pass?',
      paragraphs: [
        because(
          'Only what opens a connection that conntrack sees: what it does not track or finds damaged may be taken out on the way.',
          'ct state != new return',
        ),
        because(
          'Doors through which somebody was let lately: that one packet is refused there may be a rate limit, a limit of connections, a restriction of addresses, a reload. It proves nothing.',
          `ip ${DOOR} @flypaper_accepted return`,
          `ip6 ${DOOR} @flypaper_accepted6 return`,
          'meta nfproto @flypaper_unsure return',
        ),
        because(
          'The never-list, own addresses, gateways and resolvers.',
          ...SPARED.map(({ match }) => `${match} return`),
        ),
        ...(grades.silent.length === 0
          ? []
          : [
              because(
                'No lockout for these, as the settings say, and no answer to what the chains of others refuse.',
                ...grades.silent.map(port => `${matchOf(port)} goto flypaper_silent`),
              ),
            ]),
        ...udp(grades, firstLocalPort),
        because(
          'Not for one packet, since that can be forged: a host that we talk to ourselves, a client that has opened a whole connection lately.',
          ...isIn('flypaper_peers').map(match => `${match} goto flypaper_watch_weak`),
          ...isIn('flypaper_known').map(match => `${match} goto flypaper_watch_weak`),
        ),
        because(
          'Everybody else is pending until it comes out. When the set is full these rules break off, and it goes on unwatched.',
          ...put('add', 'flypaper_pending'),
        ),
        tell,
      ],
    },
    {
      name: 'flypaper_watch_weak',
      why: 'Evidence too weak to shut anybody out: the daemon counts the different ports that were refused.',
      paragraphs: [tell],
    },
  ]
}

/** As before the judge: what may be an answer, or the noise of the neighbourhood, proves nothing. */
function udp(grades: Grades, firstLocalPort: number): readonly Paragraph[] {
  const fromService = `udp sport { ${UDP_PEERS} } udp dport 1024-65535`
  return [
    because(
      'UDP to the ports from which we open connections ourselves: answers, calls (STUN), traceroute.',
      `${toLocalPort('udp', firstLocalPort)} return`,
    ),
    ...(grades.noise === 'offence'
      ? []
      : [because('The noise of the neighbourhood.', `udp dport { ${UDP_NOISE} } return`)]),
    because(
      'Late answers to a question of ours.',
      'udp dport @flypaper_asked return',
      'ip saddr . udp sport . udp dport @flypaper_questions return',
      'ip6 saddr . udp sport . udp dport @flypaper_questions6 return',
      ...isIn('flypaper_peers').map(match => `${fromService} ${match} return`),
    ),
    because(
      'Answers of services, or their questions: they may be late.',
      `${fromService} goto flypaper_watch_weak`,
      `udp dport { ${UDP_PEERS} } goto flypaper_watch_weak`,
    ),
  ]
}

/** What is not new leaves at once: most packets. */
const opened = (...ways: readonly string[]) =>
  because(
    'What opened a connection.',
    ...ways.map(way => `ct state new ${way} meta l4proto { tcp, udp } goto flypaper_end`),
  )

/** The far ends of both ways. The source is taken from conntrack, since a rule on the way may have translated it. */
export const ends = (grades: Grades): readonly ChainSpec[] => [
  {
    name: 'flypaper_end_input',
    why: 'Incoming traffic that came out behind the chains of others: it was accepted.',
    hook: END_INPUT_HOOK,
    paragraphs: [...heard('socket wildcard { 0, 1 }', grades), opened('iif != "lo"')],
  },
  {
    name: 'flypaper_end_forward',
    why: 'Forwarded traffic that came out behind the chains of others.',
    hook: END_FORWARD_HOOK,
    paragraphs: [
      ...heard('', grades),
      opened(
        'iifname @flypaper_outside oifname != @flypaper_outside',
        'meta sdifname @flypaper_outside oifname != @flypaper_outside',
      ),
    ],
  },
  {
    name: 'flypaper_end',
    why: 'It came out.',
    paragraphs: [
      because(
        'So its source is not pending.',
        'delete @flypaper_pending { ct original ip saddr }',
        `delete @flypaper_pending6 { ct original ip6 saddr ${NET64} }`,
        'delete @flypaper_pending6 { ct original ip6 saddr }',
        `delete @flypaper_passing { ct original ip saddr . ip ${DOOR} }`,
        `delete @flypaper_passing6 { ct original ip6 saddr . ip6 ${DOOR} }`,
      ),
      because(
        'And somebody is let in at this door. When the set is full these rules break off, and for some minutes nobody is watched.',
        `update @flypaper_accepted { ip ${DOOR} } return`,
        `update @flypaper_accepted6 { ip6 ${DOOR} } return`,
        'update @flypaper_unsure { meta nfproto }',
      ),
    ],
  },
]

/** Somebody takes what came out at a port that is to be silent: then the answer is his, not a refusal. */
function heard(taken: string, { silent }: Grades): readonly Paragraph[] {
  if (silent.length === 0) return []
  return [
    because(
      'Nobody has refused these, and somebody takes them: his answer is for everybody to hear.',
      ...silent.map(port => `ct state new ${matchOf(port)} ${taken} jump flypaper_heard`.replace('  ', ' ')),
    ),
  ]
}

export const HEARD: ChainSpec = {
  name: 'flypaper_heard',
  why: 'Its answer is not held back.',
  paragraphs: [because('The flow that flypaper_silent has noted.', ...ofFlow('delete @flypaper_stray'))],
}

/** Part of flypaper_out: other firewalls refuse with an answer, which must not tell a pending source what is here. */
export const refusals: Paragraph = because(
  'Refusals by the chains of others.',
  'tcp flags & rst != 0 jump flypaper_refusal',
  'icmp type destination-unreachable jump flypaper_refusal',
  'icmpv6 type destination-unreachable jump flypaper_refusal',
)

export const refusal: ChainSpec = {
  name: 'flypaper_refusal',
  why: 'A refusal, on its way out.',
  paragraphs: [
    because(
      'Who is pending does not hear it.',
      ...isIn('flypaper_pending', 'daddr').map(match => `${match} counter drop`),
    ),
  ],
}
