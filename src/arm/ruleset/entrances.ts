/** The entrances: which packets come before the judge, in each mode of `closed`. */
import { closedMode, type Settings } from '../../settings/settings.ts'
import { DOORBELL } from '../../terms/channel.ts'
import { FRAME_TO_ALL, HOSTS6, linkedDrop, NO_HOST } from './link.ts'
import {
  ANSWER,
  IS_BOUND_ELSEWHERE,
  IS_CONDITIONAL,
  isKey,
  OUTWARD,
  PORT,
  SYN_ALONE,
  TO_EVERYBODY,
  UDP,
} from './matches.ts'
import { each, type Put, type Rule, rule } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph, type Ruleset } from './spec.ts'
import {
  END_FORWARD_HOOK,
  END_INPUT_HOOK,
  ends,
  FORWARD_HOOK,
  HEARD,
  pendingDrop,
  refusal,
  through,
  watch,
  whatIsOpened,
} from './unaccepted.ts'

/** Before the administrator's own chains, which are at 0, and after address translation. */
const INPUT_HOOK = 'type filter hook input priority -10; policy accept;'
/** Late packets of a connection that conntrack does not know: ACK, FIN+ACK, SYN+ACK, RST, RST+ACK. */
const LATE = 'tcp flags & (fin | syn | rst | ack) == { ack, fin | ack, syn | ack, rst, rst | ack }'
const SOCKET = 'socket wildcard { 0, 1 }'

/** What most packets are: no more rules for them than must be. */
const sessions: readonly Rule[] = [
  { ...rule(['ct state established,related'], 'return'), why: 'a connection that conntrack knows' },
  { ...rule(['iif "lo"'], 'return'), why: 'this machine talking to itself' },
]

/** Who is never brought before the judge, in every mode and on every way. */
const known: Paragraph = {
  rules: [
    ...sessions,
    {
      ...rule([isKey('flypaper_grace', 'meta nfproto')], 'return'),
      why: 'the grace time after boot: services are still starting',
    },
  ],
}

/** What goes to nobody in particular. A frame to everybody with a packet to us alone is a trick: where routes can be asked, it is none of it. */
const toNobody = ({ fib }: Pick<Ground, 'fib'>): Paragraph =>
  because(
    'broadcast and multicast: the noise of the neighbourhood',
    each(
      [
        fib ? [FRAME_TO_ALL, 'fib daddr type != local'] : [FRAME_TO_ALL],
        ...TO_EVERYBODY.map(match => [match]),
      ],
      'return',
    ),
  )

/** Senders and receivers on the way through that are nobody in particular. */
const nobody: readonly Paragraph[] = [
  toNobody({ fib: false }),
  because(
    'a source that is no host: in a set it would break this machine',
    each([[NO_HOST], [HOSTS6]], 'return'),
  ),
]

const outward = because('from inside to outside: nothing counts, and nobody is pending', [
  rule(OUTWARD, 'return'),
])

/** At the head of a way: what is new from a pending source ends before anything else is asked. */
const head = [known, pendingDrop]
/** The same on the way through this machine. */
const headThrough = ({ inside }: Ground) => (inside ? [known, outward, pendingDrop] : head)

const isServed = isKey('flypaper_served', ...PORT)

/** What wants a port that was open lately is not judged. */
function servedLately(why: string): Paragraph {
  return because(
    why,
    each(
      [
        [SYN_ALONE, isServed],
        [UDP, isServed],
      ],
      'return',
    ),
  )
}

/** A rule of theirs would let it in at another time. */
const conditional = because(
  'a door that your rules open under a rate, a count, a quota or the like: to be refused there is no offence',
  each(
    [
      [SYN_ALONE, IS_CONDITIONAL],
      [UDP, IS_CONDITIONAL],
    ],
    'return',
  ),
)

const toTheJudge = because('closed, or not allowed: is it an offence? Then its way ends there', [
  rule([], 'jump flypaper_judge'),
])

/**
 * closed = "listening": closed is where no socket of this machine would take the packet. With "unaccepted" a port that is open
 * is watched.
 */
function listening(mode: 'listening' | 'unaccepted', ground: Ground): readonly ChainSpec[] {
  const serve: Put = { put: 'update', set: 'flypaper_served', key: PORT }
  const base: ChainSpec = {
    name: 'flypaper_listening',
    why: 'incoming, before the chains of others: what no socket here takes goes to the judge',
    hook: INPUT_HOOK,
    paragraphs: [
      because("a client's connection is closing: its port was open, also if the service is gone by now", [
        rule(
          ['tcp flags & (fin | rst) != 0', 'ct state established', 'ct direction original', 'iif != "lo"'],
          serve,
        ),
      ]),
      ...head,
      toNobody(ground),
      linkedDrop(ground),
      because('an answer to a question of ours that is not tracked: its port serves nobody', [
        rule(['ct state untracked', ANSWER, SOCKET], 'return'),
      ]),
      because(
        'somebody listens: not closed',
        each(
          [
            [SYN_ALONE, SOCKET],
            [UDP, SOCKET],
          ],
          'goto flypaper_open',
        ),
      ),
      because('somebody listens by another address alone, now and lately: closed here, as any port', [
        rule([SYN_ALONE, ...IS_BOUND_ELSEWHERE], 'goto flypaper_judge'),
        rule([UDP, ...IS_BOUND_ELSEWHERE], 'goto flypaper_judge'),
      ]),
      servedLately('somebody listened, or answered, lately: a service that restarts'),
      because('a late packet to a socket, or to one just being opened or closed, goes on to it', [
        rule([LATE, SOCKET], 'return'),
        rule([LATE, isServed], 'return'),
      ]),
      toTheJudge,
    ],
  }
  const open: ChainSpec = {
    name: 'flypaper_open',
    why: 'somebody listens: it goes on, also when no more ports can be remembered',
    paragraphs: [
      because('the port is served', [rule([], serve)]),
      ...(mode === 'unaccepted'
        ? [because('will the chains of others let it pass?', [rule([], 'goto flypaper_watch')])]
        : []),
    ],
  }
  return [base, open]
}

/** closed = "unmatched": before the administrator's input chain. */
const beforeInput = (ground: Ground): ChainSpec => ({
  name: 'flypaper_strays',
  why: 'before the input chain, whose rules let new packets through: ends who is pending',
  hook: INPUT_HOOK,
  paragraphs: [{ rules: sessions }, pendingDrop, linkedDrop(ground)],
})

const INPUT_WHY =
  'your input chain may end in a jump to this (closed = unmatched); empty in other modes, so that it loads'
const FORWARD_WHY =
  'your forward chain may end in a jump to this (closed = unmatched); empty in other modes, so that it loads'

/** closed = "unmatched": the administrator's input chain ends in `jump flypaper_input`. */
const unmatchedInput = (ground: Ground): ChainSpec => ({
  name: 'flypaper_input',
  why: INPUT_WHY,
  paragraphs: [
    known,
    toNobody(ground),
    because(
      'ICMP errors: the kernel knows better than conntrack whose they are; path MTU discovery lives by them',
      each(
        [
          ['icmp type { destination-unreachable, time-exceeded, parameter-problem }'],
          ['icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }'],
        ],
        'accept',
      ),
    ),
    because(
      'a late packet to a socket goes on to it: without SYN it opens nothing',
      [rule([LATE, SOCKET], 'accept')],
      'Its connection is older than the trap, or conntrack forgot it.',
    ),
    servedLately('translated to somebody who answered lately: a container that is made anew'),
    conditional,
    toTheJudge,
  ],
})

/** The administrator's forward chain ends in `jump flypaper_forward`. */
const unmatchedForward = ({ inside }: Ground): ChainSpec => ({
  name: 'flypaper_forward',
  why: FORWARD_WHY,
  paragraphs: [
    known,
    ...(inside ? [outward] : []),
    ...nobody,
    because('late, or half of a connection whose other half takes another way: other rules decide', [
      rule([LATE], 'return'),
    ]),
    conditional,
    toTheJudge,
  ],
})

/** Base chains, each of one mode or two, which must not stay behind in the others. */
const HOOKS = {
  flypaper_strays: INPUT_HOOK,
  flypaper_listening: INPUT_HOOK,
  flypaper_through: FORWARD_HOOK,
  flypaper_end_input: END_INPUT_HOOK,
  flypaper_end_forward: END_FORWARD_HOOK,
} as const

/** Those that an administrator's rules may jump to, without rules. */
export const EMPTY_ENTRANCES: readonly ChainSpec[] = [
  { name: 'flypaper_input', why: INPUT_WHY, paragraphs: [] },
  { name: 'flypaper_forward', why: FORWARD_WHY, paragraphs: [] },
]

export function entrances(settings: Settings, ground: Ground): Pick<Ruleset, 'chains' | 'absent'> {
  const chains = chainsOf(settings, ground)
  const absent = Object.entries(HOOKS)
    .map(([name, hook]) => ({ name: name as keyof typeof HOOKS, hook }))
    .filter(({ name }) => !chains.some(chain => chain.name === name))
  return { chains, absent }
}

function chainsOf(settings: Settings, ground: Ground): readonly ChainSpec[] {
  const mode = closedMode(settings)
  if (mode === 'unmatched')
    return [
      beforeInput(ground),
      unmatchedInput(ground),
      unmatchedForward(ground),
      through(headThrough(ground)),
    ]
  const both = [...listening(mode, ground), ...EMPTY_ENTRANCES]
  if (mode === 'listening') return [...both, through(headThrough(ground))]
  const { number, evidence } = settings
  return [
    ...both,
    through([...headThrough(ground), ...nobody, ...whatIsOpened]),
    ...watch(number + DOORBELL, evidence, ground),
    ...ends(evidence),
    refusal,
    ...(evidence.silent.length > 0 ? [HEARD] : []),
  ]
}
