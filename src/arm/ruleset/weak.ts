/**
 * Weak evidence: packets that could be forged, or may only be late. Nobody is shut out for one. What was tried is remembered, a repetition is no
 * news, and the packet that tries one port too many shuts its source out. docs/decisions/0049-the-third-port.md says why.
 */
import type { Settings } from '../../settings/settings.ts'
import type { TellingChannel } from '../../terms/channel.ts'
import type { ChainName } from '../names.ts'
import { fly, isIn, isKey, put, SYN_ALONE, UDP } from './matches.ts'
import {
  type Key,
  type Match,
  only,
  type PairName,
  type Put,
  type Rule,
  rule,
  type Tell,
  type Verdict,
} from './rule.ts'
import { because, type ChainSpec, type Paragraph } from './spec.ts'

/** Evidence whose different ports the kernel counts. */
export const WEAK_CLASSES = ['peer', 'known', 'late'] as const
export type WeakClass = (typeof WEAK_CLASSES)[number]

/**
 * With so many different ports a source is shut out in the same packet. Infinity: its packets are never told; undefined: they are, and the
 * daemon alone counts, since some weigh nothing.
 */
export type ReflexPorts = Readonly<Record<WeakClass, number | undefined>>

/** What the kernel can count of the table of evidence: never less than it takes. */
export function reflexPortsOf({ threshold, peer, known, stranger }: Settings['evidence']): ReflexPorts {
  return {
    peer: portsOf(threshold, peer.closed, peer.illegal),
    known: portsOf(threshold, known.closed, known.illegal),
    late: portsOf(threshold, stranger.excusable),
  }
}

function portsOf(threshold: number, ...weights: readonly number[]): number | undefined {
  const least = Math.min(...weights)
  if (least > 0) return Math.ceil(threshold / least)
  return Math.max(...weights) > 0 ? undefined : Number.POSITIVE_INFINITY
}

/** Once for as long as the element stays, in whatever packets and on how many processors they come. */
const ONCE = 'limit rate 1/week burst 1 packets'
/** What is told without being counted: protocols that have no ports, and what the memory has no room for. */
const UNCOUNTED = 'limit rate 2000/second burst 4000 packets'

/** What is remembered: who tried which port. */
const TRIED: Key = [fly('saddr'), 'meta l4proto', 'th dport']
const HAS_PORTS: Match = 'meta l4proto { tcp, udp }'

export function weakChains(
  tell: (channel: TellingChannel) => Tell,
  evidence: Settings['evidence'],
): readonly ChainSpec[] {
  const ports = reflexPortsOf(evidence)
  const lateWhy =
    'packets that are late, or to excusable ports: the daemon, and the kernel, count different ports'
  return [
    ...counting('peer', [], 'a host that we talk to ourselves met a closed port', tell('peer'), ports.peer),
    ...counting(
      'known',
      [],
      'a client that opened a whole connection met a closed port',
      tell('known'),
      ports.known,
    ),
    ...counting(
      'late',
      [
        because('a client that opened a whole connection is where it says it is', [
          rule([isIn('flypaper_known')], 'goto flypaper_weak_known_late'),
        ]),
        because('a host that we talk to must not be cut off', [
          rule([isIn('flypaper_peers')], 'goto flypaper_weak_peer'),
        ]),
      ],
      lateWhy,
      tell('late'),
      ports.late,
    ),
    knownLate(tell('known-late'), evidence.known.excusable),
    ...(ports.late === Number.POSITIVE_INFINITY ? [] : [SUSPECTED]),
  ]
}

function counting(
  name: WeakClass,
  first: readonly Paragraph[],
  why: string,
  tell: Tell,
  ports: number | undefined,
): readonly ChainSpec[] {
  const chain: ChainName = `flypaper_weak_${name}`
  const news: ChainName = `flypaper_new_${name}`
  if (ports === Number.POSITIVE_INFINITY) {
    return [{ name: chain, why, paragraphs: [...first, silence('it proves nothing, as the settings say')] }]
  }
  if (ports === undefined)
    return [{ name: chain, why, paragraphs: [...first, ...onceEach(`flypaper_tried_${name}`, tell, tell)] }]
  return [
    { name: chain, why, paragraphs: [...first, ...onceEach(`flypaper_tried_${name}`, tell, `goto ${news}`)] },
    {
      name: news,
      why: 'a port that this source has not tried lately',
      paragraphs: [
        because(
          `the ${ordinal(ports)} different port: ${name === 'late' ? 'hold the source' : 'drop what is new from it (pending)'}`,
          [rule([], ...overCount(name, ports), shutOut(name))],
          'When a set is full the rule breaks off: whoever cannot be counted is not shut out.',
        ),
        ...(name === 'late' ? [suspected] : []),
        because('tell the daemon', [rule([], tell)]),
        silence('and no answer'),
      ],
    },
  ]
}

/** Late packets are none of it: they tell nobody anything, and a hold would cut what an innocent has open. */
const suspected = because(
  'whatever opens something, from a prefix of which many networks have met closed ports: none is free',
  [SYN_ALONE, UDP].map(match => rule([match], 'jump flypaper_suspected')),
)

const SUSPECTED: ChainSpec = {
  name: 'flypaper_suspected',
  why: 'an excusable port, from a customer line of IPv6 that was scanned from in breadth: held at the first',
  paragraphs: [
    because(
      'held as for a closed port, but not locked out for it',
      [
        ['flypaper_suspect_56', 'ffff:ffff:ffff:ff00::'] as const,
        ['flypaper_suspect_48', 'ffff:ffff:ffff::'] as const,
      ].flatMap(([set, mask]) =>
        only('ip6', [rule([isKey(set, `ip6 saddr and ${mask}`)], put('add', 'flypaper_hold'))]),
      ),
      'Who is spared, known or talked to does not come here.',
    ),
  ],
}

/** A known client in packets that may be late: nothing that the kernel would count, but each port is told once. */
function knownLate(tell: Tell, weight: number): ChainSpec {
  return {
    name: 'flypaper_weak_known_late',
    why: 'a client that opened a whole connection, in packets that are late or to excusable ports: told, not counted',
    paragraphs:
      weight === 0
        ? [silence('it proves nothing, as the settings say')]
        : onceEach('flypaper_tried_late', tell, tell),
  }
}

function onceEach(tried: PairName, tell: Tell, then: Verdict | Tell): readonly Paragraph[] {
  const remember: Put = { put: 'add', set: tried, key: TRIED, limit: ONCE }
  return [
    because('a port that it has not tried lately', [rule([HAS_PORTS], remember, then)]),
    because('a repetition is no news', [rule([HAS_PORTS, { key: TRIED, in: tried }], 'counter', 'drop')]),
    because('no ports, or no room to remember them: the daemon is told, unless it is a flood', [
      rule([], { ...tell, limit: UNCOUNTED }),
    ]),
    silence('and no answer'),
  ]
}

/** Goes on with the packet that tries so many ports; the bucket gets nothing back that matters while the element stays. */
function overCount(name: WeakClass, ports: number): readonly Put[] {
  if (ports <= 1) return []
  const limit = `limit rate over 1/week burst ${ports - 1} packets`
  return [{ put: 'add', set: `flypaper_count_${name}`, key: [fly('saddr')], limit }]
}

/** Strangers are held. Whom we know, or talk to, keeps what conntrack knows until the daemon has judged him: all could be forged. */
function shutOut(name: WeakClass): Put {
  return put('add', name === 'late' ? 'flypaper_hold' : 'flypaper_pending')
}

function silence(why: string): Paragraph {
  const drop: Rule = rule([], 'counter', 'drop')
  return because(why, [drop])
}

function ordinal(ports: number): string {
  return ['', 'first', 'second', 'third'][ports] ?? `${ports}th`
}
