/** What a source that sticks still reaches, and what goes out to it: docs/decisions/0051-what-stays-reachable.md. */
import type { Settings } from '../../settings/settings.ts'
import { SAMPLE } from '../../terms/channel.ts'
import {
  answerOf,
  host,
  INWARD,
  isIn,
  isKey,
  isNotWithin,
  isWithin,
  matchOf,
  PORT,
  UDP,
  willGoOut,
} from './matches.ts'
import { each, type Match, type NftFamily, only, rule, type Verdict } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph } from './spec.ts'

/** What was originated here, or behind us. */
export const OURS = 'ct direction original'

/** They open nothing: errors, and answers to our pings. */
const ICMP_ANSWERS: Match = {
  ip: 'icmp type { echo-reply, destination-unreachable, time-exceeded, parameter-problem }',
  ip6: 'icmpv6 type { echo-reply, destination-unreachable, packet-too-big, time-exceeded, parameter-problem }',
}
const NO_ICMP: Match = { ip: 'meta l4proto != icmp', ip6: 'meta l4proto != icmpv6' }
/** The ports are in the first fragment, without which nobody puts the others together. */
export const LATER_FRAGMENT: Match = { ip: 'ip frag-off & 0x1fff != 0', ip6: 'frag frag-off != 0' }

/** Of IPv6 it is asked on the way to `flypaper_reach`, since flies of IPv4, which send the most, go there directly. */
export function laterFragment(family: NftFamily): Paragraph {
  return because(
    'a later fragment from a host that we talk to: it opens nothing without its first',
    only(family, [rule([LATER_FRAGMENT, isIn('flypaper_peers')], 'return')]),
    'Before anything asks for ports: the kernel may read what a later fragment has in their place.',
  )
}

export type Reach = Pick<Settings, 'public' | 'doors' | 'history' | 'number'>

export function reach(settings: Reach, ground: Pick<Ground, 'inside' | 'uplinks'>): readonly ChainSpec[] {
  const { public: open, history, number } = settings
  const { samplesPerSecond } = history
  const chain: ChainSpec = {
    name: 'flypaper_reach',
    why: 'what a source that sticks still reaches; everything else of it is dropped',
    paragraphs: ways(settings, ground),
  }
  return [
    chain,
    ...(open.length === 0 ? [] : [PUBLIC]),
    ...(samplesPerSecond > 0 ? [sampled(samplesPerSecond, number + SAMPLE)] : []),
  ]
}

/**
 * Each paragraph is one kind of way; docs/decisions/0051-what-stays-reachable.md says who may turn it round how. `more` comes where what opens a
 * connection has ended.
 */
export function ways(
  { public: open, doors, history }: Reach,
  { inside, uplinks }: Pick<Ground, 'inside' | 'uplinks'>,
  more: readonly Paragraph[] = [],
): readonly Paragraph[] {
  const end: Verdict = history.samplesPerSecond > 0 ? 'goto flypaper_sampled' : 'drop'
  const isAnswer = isKey('flypaper_called', host('saddr'), 'meta l4proto', 'th sport', 'th dport')
  return [
    laterFragment('ip'),
    ...(open.length === 0
      ? []
      : [
          because(
            'a public port, as the settings say',
            open.map(port => rule([matchOf(port)], 'goto flypaper_public')),
            'As strangers call it: address translation comes later.',
          ),
        ]),
    ...(inside
      ? [
          because(
            'from inside, where its source belongs, and out of here',
            uplinks.map(uplink => rule([...willGoOut(uplink), ...notByHand('saddr')], 'return')),
          ),
        ]
      : []),
    because(
      'a shortcut: SYN alone opens a connection, so it answers none of ours',
      [rule(['tcp flags == syn'], end)],
      'Most packets end here. Without a counter, and the rest would say the same of them.',
    ),
    ...more,
    ...(doors
      ? [
          because(
            'a door: a port of WireGuard on this machine, also for who was locked out by hand',
            [rule([UDP, isKey('flypaper_doors', ...PORT), isWithin('flypaper_own', 'daddr')], 'return')],
            'Who has no key gets no answer. What is translated to somewhere else gets none by flypaper_to_stuck.',
          ),
        ]
      : []),
    because('a shortcut: of no flow that we opened', [rule([NO_ICMP, { ...isAnswer, not: true }], end)]),
    because('the answer of a flow that we opened; a SYN without ACK is none', [
      rule(['tcp flags & (syn | ack) != syn', isAnswer], 'return'),
      rule([UDP, isAnswer], 'return'),
    ]),
    because('of a host that we talk to: what belongs to such flows, and opens nothing', [
      rule([ICMP_ANSWERS, isIn('flypaper_peers')], 'return'),
    ]),
    because('everything else gets no reaction', [rule([], 'counter', 'drop')]),
  ]
}

/** One limit for all, so that a flood of flies tells the daemon no more than one of them. */
function sampled(perSecond: number, group: number): ChainSpec {
  const limit = `limit rate ${perSecond}/second burst ${perSecond} packets`
  return {
    name: 'flypaper_sampled',
    why: 'the end of the way as well: of some packets the daemon is told what they try, for why and report',
    paragraphs: [
      because('a sample, as history.samples_per_second says: it proves nothing, and lengthens nothing', [
        rule(['meta l4proto { tcp, udp }'], { tell: 'log', at: group, limit }),
      ]),
      because('told or not, it gets no reaction', [rule([], 'drop')]),
    ],
  }
}

function notByHand(way: 'saddr' | 'daddr'): readonly Match[] {
  return [{ ...isIn('flypaper_by_hand', way), not: true }, isNotWithin('flypaper_nets', way)]
}

const BY_HAND = 'locked out by hand, so also from what is public'
const PUBLIC: ChainSpec = {
  name: 'flypaper_public',
  why: 'a public port: all may reach it but those locked out by hand',
  paragraphs: [
    because(BY_HAND, each([[isIn('flypaper_by_hand')], [isWithin('flypaper_nets')]], 'counter', 'drop')),
    because('anybody could have forged the evidence against everybody else', [rule([], 'return')]),
  ],
}

/** The answers of public ports. They leave before the rule that makes a client known. */
function publicAnswers(open: Settings['public']): readonly Paragraph[] {
  if (open.length === 0) return []
  const isByHand: readonly Match[] = [isIn('flypaper_by_hand', 'daddr'), isWithin('flypaper_nets', 'daddr')]
  return [
    because(
      BY_HAND,
      isByHand.map(who => rule(['ct direction reply', who], 'counter', 'drop')),
    ),
    because(
      'the answer of a public port, as the settings say',
      open.map(port => rule([answerOf(port)], 'return')),
    ),
  ]
}

/**
 * Of the socket of this machine that has the port, and of nothing else. Not by `iif 0`: what WireGuard sends comes from its interface, as if it were
 * forwarded. They leave before the rule that makes a client known.
 */
const doorAnswers = because('the answer of a door, to whoever has a key', [
  rule(
    [
      UDP,
      isKey('flypaper_doors', 'meta l4proto', 'th sport'),
      isWithin('flypaper_own', 'saddr'),
      'ct status & dnat == 0',
    ],
    'return',
  ),
])

/** Its answers are let in by this memory alone: neither is the source freed by it, nor does it reach anything else. */
export function outToStuck(
  { public: open, doors }: Pick<Settings, 'public' | 'doors'>,
  { inside }: Pick<Ground, 'inside'>,
): ChainSpec {
  return {
    name: 'flypaper_to_stuck',
    why: 'on the way out to who sticks: no answer; but what we open ourselves goes out, and may be answered',
    paragraphs: [
      because('a connection older than conntrack: who opened it is not to be seen', [
        rule([OURS, 'ct state new', 'tcp flags & (syn | ack) != syn'], 'return'),
      ]),
      because(
        'a flow of ours, as its answers will come',
        [
          rule([OURS, 'meta l4proto { tcp, udp }'], {
            put: 'update',
            set: 'flypaper_called',
            key: [host('daddr'), 'meta l4proto', 'th dport', 'th sport'],
          }),
        ],
        'When no more can be remembered the rule breaks off: it goes out all the same, and is not answered.',
      ),
      because('what was originated here, or behind us, goes out to whomever', [
        rule([OURS], 'goto flypaper_ours'),
      ]),
      because(
        'who is never shut out is answered',
        each([[isWithin('flypaper_never', 'daddr')], [isWithin('flypaper_own', 'daddr')]], 'return'),
      ),
      ...(doors ? [doorAnswers] : []),
      ...publicAnswers(open),
      ...(inside
        ? [
            because('from outside to inside: the answer of what was let out', [
              rule([...INWARD, ...notByHand('daddr')], 'return'),
            ]),
          ]
        : []),
      because('no answer to who is held or locked out', [rule(['ct direction reply'], 'counter', 'drop')]),
    ],
  }
}
