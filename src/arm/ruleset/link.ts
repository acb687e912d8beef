/**
 * Sources that are no host: link-local ones, and those of prefixes in which nobody lives. As elements of the sets of flies they would break this
 * machine, and a link-local address means somebody else on each link. docs/decisions/0060-one-silence.md.
 */
import {
  ANSWER,
  EXCUSABLE,
  FROM_SERVICE,
  host,
  isIn,
  isKey,
  list,
  NOISE,
  NOT_NOISE,
  SYN_ALONE,
  TO_SERVICE,
  UDP,
} from './matches.ts'
import { each, type Key, type Match, rule } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph } from './spec.ts'

export const NO_HOST: Match = {
  field: 'ip saddr',
  of: list('no_host', '0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3'),
}
export const HOSTS6: Match = {
  field: 'ip6 saddr',
  of: list('hosts6', '2000::/3, fc00::/7, 64:ff9b::/96'),
  not: true,
}
/** Who it is, on which link. */
const WHO: Key = [host('saddr'), 'iifname']
const isLinked = isKey('flypaper_linked', ...WHO)
/** In frames to everybody the kernel takes no TCP, and answers no error; UDP to an own address it takes. */
export const FRAME_TO_ALL: Match = 'meta pkttype { broadcast, multicast }'

/** Incoming, where it goes to an address of ours alone. What belongs to a connection has passed before, and ICMP, so neighbour discovery, is not asked. */
export function linkedDrop({ fib }: Ground): Paragraph {
  const toUs = fib ? ['fib daddr type local'] : ['meta pkttype host']
  return because('from a source that is no host, and met a closed port just now: what is new', [
    rule(['meta l4proto tcp', isLinked, ...toUs], 'counter', 'drop'),
    rule([NOT_NOISE, isLinked, ...toUs], 'counter', 'drop'),
  ])
}

/** Part of the judge: TCP and UDP of those sources. Whatever else they say is for the link. */
export const fromNoHost: Paragraph = because(
  'a source that is no host: its TCP and UDP are not judged, but not answered either',
  each([[NO_HOST], [HOSTS6]], 'goto flypaper_link'),
)

export const LINK: ChainSpec = {
  name: 'flypaper_link',
  why: 'a source that is no host met a closed port: no lockout, but no answer, and for a moment nothing new',
  paragraphs: [
    because('routing, tunnels and whatever else a link lives by', [
      rule(['meta l4proto != { tcp, udp }'], 'return'),
    ]),
    because(
      'late, the noise of the neighbourhood, a service, a host that we talk to, or a port that honest hosts ask for, too: no answer',
      each(
        [
          ['tcp flags & (fin | syn | rst | ack) != syn'],
          [NOISE],
          [isKey('flypaper_asked', 'udp dport')],
          [ANSWER],
          FROM_SERVICE,
          [TO_SERVICE],
          [isIn('flypaper_peers')],
          [SYN_ALONE, EXCUSABLE],
          [UDP, EXCUSABLE],
        ],
        'counter',
        'drop',
      ),
    ),
    because(
      'nothing new from it on this link, until this ends by itself',
      [rule([], { put: 'add', set: 'flypaper_linked', key: WHO })],
      'When the set is full the rule breaks off, and the packet goes on to the next: it is dropped all the same.',
    ),
    because('and no answer', [rule([], 'counter', 'drop')]),
  ],
}
