/**
 * closed = "unaccepted": what listens or would be forwarded, and is then refused by somebody else's rule. No rule tells
 * that it refused: so a packet that opens something is noted on its way in, before the chains of others, and the note is
 * taken back on the way out, behind them. Whose note stays was refused. docs/decisions/0021-unaccepted.md says why.
 */
import type { Treatment } from '../../settings/settings.ts'
import { ofFlow } from './flows.ts'
import { FRAME_TO_ALL, HOSTS6, NO_HOST } from './link.ts'
import {
  ANSWER,
  ELSEWHERE,
  FROM_SERVICE,
  fly,
  host,
  IS_CONDITIONAL,
  isIn,
  isKey,
  matchOf,
  NOISE,
  PERHAPS_ANSWER,
  put,
  SPARED,
  STICKS,
  STICKS_WHY,
  SYN_ALONE,
  TO_SERVICE,
  toLocalPort,
  UDP,
} from './matches.ts'
import { each, type Key, type Match, rule } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph } from './spec.ts'

/** Behind the chains of others: those of iptables and firewalld end at 10, that of address translation is at 100. */
const END = 400
export const FORWARD_HOOK = 'type filter hook forward priority -10; policy accept;'
export const END_INPUT_HOOK = `type filter hook input priority ${END}; policy accept;`
export const END_FORWARD_HOOK = `type filter hook forward priority ${END}; policy accept;`
/** The doorbell rings so often a second at most: it only wakes the daemon, which then looks into the sets. */
const RING = 'limit rate 4/second burst 4 packets'
/** What was tried, as both ends of the way see it. */
const DOOR: Key = [host('daddr'), 'meta l4proto', 'th dport']
/** Who it was that conntrack saw. */
const OPENER = { ...fly('saddr'), original: true } as const

/** What is new from a source that is pending ends here, whatever it is; in the chains of both ways. */
export const pendingDrop: Paragraph = because(
  'pending: it tried too many ports, or what it sent before was refused by others',
  [rule([isIn('flypaper_pending')], 'counter', 'drop')],
  'Only what conntrack knows still passes.',
)

/** What goes through this machine. */
export function through(paragraphs: readonly Paragraph[]): ChainSpec {
  return {
    name: 'flypaper_through',
    why: 'forwarded, before the chains of others: ends who is pending; with closed = unaccepted notes what the others open',
    hook: FORWARD_HOOK,
    paragraphs,
  }
}

const fromOutside: Paragraph = {
  note: 'Hosts behind us must not be cut off because they may not go out. In a VRF the incoming interface is the VRF, and sdif the one that is meant.',
  rules: [
    {
      ...rule([notBy('iifname'), notBy('meta sdifname')], 'return'),
      why: 'not by an interface of a default route: it comes from behind us',
    },
    { ...rule([by('oifname')], 'return'), why: 'by an interface of a default route: it goes out' },
  ],
}

function by(field: string): Match {
  return isKey('flypaper_outside', field)
}

function notBy(field: string): Match {
  return { ...isKey('flypaper_outside', field), not: true }
}

/** What strangers open through this machine. */
export const whatIsOpened: readonly Paragraph[] = [
  fromOutside,
  because('it opens a connection', each([[SYN_ALONE], [UDP]], 'goto flypaper_watch')),
]

export function watch(number: number, treatment: Treatment, ground: Ground): readonly ChainSpec[] {
  const tell: Paragraph = {
    rules: [
      {
        ...rule([], { put: 'add', set: 'flypaper_passing', key: [host('saddr'), ...DOOR] }),
        why: 'what it tries: taken back when it comes out, else it was refused',
      },
      {
        ...rule([], { tell: 'log', at: number, limit: RING }),
        why: 'wake the daemon, which looks a moment later at what has stayed',
      },
    ],
  }
  return [
    {
      name: 'flypaper_watch',
      why: 'somebody listens, or it would be forwarded: will the chains of others let it pass?',
      paragraphs: [
        ...unwatched(treatment, ground),
        ...udp(treatment, ground),
        because('a host that we talk to: one packet can be forged', [
          rule([isIn('flypaper_peers')], 'goto flypaper_watch_weak'),
        ]),
        because('a client that opened a whole connection lately: one packet can be forged', [
          rule([isIn('flypaper_known')], 'goto flypaper_watch_weak'),
        ]),
        because(
          'everybody else is pending until it comes out',
          [rule([], put('add', 'flypaper_pending'))],
          'When the set is full these rules break off, and it goes on unwatched.',
        ),
        tell,
      ],
    },
    {
      name: 'flypaper_watch_weak',
      why: 'evidence too weak to shut anybody out: the daemon counts the different ports that were refused',
      paragraphs: [tell],
    },
  ]
}

/** Where a refusal proves nothing, and whom it does not concern. */
function unwatched({ silent }: Treatment, { fib }: Ground): readonly Paragraph[] {
  return [
    because('conntrack does not see it open anything: others may take it out on the way', [
      rule(['ct state != new'], 'return'),
    ]),
    because(
      'a door through which somebody was let lately: a refusal proves nothing there',
      [rule([isKey('flypaper_accepted', ...DOOR)], 'return')],
      'It may be a rate limit, a limit of connections, a restriction of addresses, a reload.',
    ),
    because(
      'a door that rules of others open under a rate, a count, a quota or the like, also before anybody was let in',
      [rule([IS_CONDITIONAL], 'return')],
    ),
    because('there are more such doors than can be remembered', [
      rule([isKey('flypaper_unsure', 'meta nfproto')], 'return'),
    ]),
    { rules: SPARED.map(({ match, why }) => ({ ...rule([match], 'return'), why })) },
    because(
      'a source that is no host, or a frame to everybody',
      each([[NO_HOST], [HOSTS6], [FRAME_TO_ALL]], 'return'),
    ),
    ...(fib
      ? [
          because('its source belongs on another of our links: forged, or astray', [
            rule(ELSEWHERE, 'return'),
          ]),
        ]
      : []),
    because(
      STICKS_WHY,
      each(
        STICKS.map(who => [who]),
        'return',
      ),
    ),
    ...(silent.length === 0
      ? []
      : [
          because(
            'no lockout, as the settings say, and no answer to what the chains of others refuse',
            silent.map(port => rule([matchOf(port)], 'goto flypaper_silent')),
          ),
        ]),
  ]
}

/** As before the judge: what may be an answer, or the noise of the neighbourhood, proves nothing. */
function udp(treatment: Treatment, { firstLocalPort }: Ground): readonly Paragraph[] {
  return [
    because('UDP to ports from which we open connections: answers, calls (STUN), traceroute', [
      rule([toLocalPort('udp', firstLocalPort)], 'return'),
    ]),
    ...(treatment.noise === 'offence'
      ? []
      : [because('DHCP, NetBIOS, SSDP, mDNS and the like', [rule([NOISE], 'return')])]),
    because('an answer to a question of ours, perhaps late', [
      rule([isKey('flypaper_asked', 'udp dport')], 'return'),
      rule([ANSWER], 'return'),
      rule(PERHAPS_ANSWER, 'return'),
    ]),
    because('the answer of a service, or a question to one: perhaps only late', [
      rule(FROM_SERVICE, 'goto flypaper_watch_weak'),
      rule([TO_SERVICE], 'goto flypaper_watch_weak'),
    ]),
  ]
}

/** What is not new leaves at once: most packets. */
const opened = (...ways: readonly (readonly Match[])[]) =>
  because(
    'it opened a connection, and was accepted',
    ways.map(way => rule(['ct state new', ...way, 'meta l4proto { tcp, udp }'], 'goto flypaper_end')),
  )

/** The far ends of both ways. The source is taken from conntrack, since a rule on the way may have translated it. */
export const ends = (treatment: Treatment): readonly ChainSpec[] => [
  {
    name: 'flypaper_end_input',
    why: 'incoming, and it came out behind the chains of others: it was accepted',
    hook: END_INPUT_HOOK,
    paragraphs: [...heard(['socket wildcard { 0, 1 }'], treatment), opened(['iif != "lo"'])],
  },
  {
    name: 'flypaper_end_forward',
    why: 'forwarded, and it came out behind the chains of others: it was accepted',
    hook: END_FORWARD_HOOK,
    paragraphs: [
      ...heard([], treatment),
      opened([by('iifname'), notBy('oifname')], [by('meta sdifname'), notBy('oifname')]),
    ],
  },
  {
    name: 'flypaper_end',
    why: 'it came out behind the chains of others',
    paragraphs: [
      because('so its source is not pending', [
        rule([], { put: 'delete', set: 'flypaper_pending', key: [OPENER] }),
        rule([], { put: 'delete', set: 'flypaper_passing', key: [{ ...OPENER, as: 'host' }, ...DOOR] }),
      ]),
      because('and somebody is let in at this door', [
        rule([], { put: 'update', set: 'flypaper_accepted', key: DOOR }, 'return'),
      ]),
      because('that set is full: for some minutes nobody is watched', [
        rule([], { put: 'update', set: 'flypaper_unsure', key: ['meta nfproto'] }),
      ]),
    ],
  },
]

/** Somebody takes what came out at a port that is to be silent: then the answer is his, not a refusal. */
function heard(taken: readonly Match[], { silent }: Treatment): readonly Paragraph[] {
  if (silent.length === 0) return []
  return [
    because(
      'nobody refused it, and somebody takes it: his answer is for everybody to hear',
      silent.map(port => rule(['ct state new', matchOf(port), ...taken], 'jump flypaper_heard')),
    ),
  ]
}

export const HEARD: ChainSpec = {
  name: 'flypaper_heard',
  why: 'its answer is not held back',
  paragraphs: [because('the flow that flypaper_silent has noted', ofFlow('delete'))],
}

const UNREACHABLE = ['icmp type destination-unreachable', 'icmpv6 type destination-unreachable']

/** Part of flypaper_out: other firewalls refuse with an answer, which must not tell a pending source what is here. */
export const refusals: Paragraph = because(
  'perhaps a refusal by the chains of others',
  each(
    ['tcp flags & rst != 0', ...UNREACHABLE].map(match => [match]),
    'jump flypaper_refusal',
  ),
)

export const refusal: ChainSpec = {
  name: 'flypaper_refusal',
  why: 'a refusal, on its way out',
  paragraphs: [
    because('who is pending does not hear it', [
      rule([isIn('flypaper_pending', 'daddr')], 'counter', 'drop'),
    ]),
  ],
}
