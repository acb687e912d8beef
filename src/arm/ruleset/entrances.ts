/** The entrances: which packets come before the judge, in each mode of `closed`. */
import { closedMode, type Settings } from '../../settings/settings.ts'
import { DOORBELL } from '../../terms/channel.ts'
import { because, type ChainSpec, type Paragraph, type Ruleset, SYN_ALONE } from './spec.ts'
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
} from './unaccepted.ts'

/** Before the administrator's own chains, which are at 0, and after address translation. */
const INPUT_HOOK = 'type filter hook input priority -10; policy accept;'
/** Late packets of a connection that conntrack does not know: ACK, FIN+ACK, SYN+ACK, RST, RST+ACK. */
const LATE = 'tcp flags & (fin | syn | rst | ack) == { ack, fin | ack, syn | ack, rst, rst | ack }'

/** What most packets are: no more rules for them than must be. */
const sessions = because(
  'Every connection that conntrack knows, and this machine talking to itself.',
  'ct state established,related return',
  'iif "lo" return',
)

/** Who is never brought before the judge, in every mode and on every way. */
const known: readonly Paragraph[] = [
  sessions,
  because('The grace time after boot: services are still starting.', 'meta nfproto @flypaper_grace return'),
]

/** Senders and receivers that are nobody in particular. */
const nobody: readonly Paragraph[] = [
  because(
    'Broadcast and multicast are the noise of the neighbourhood, and IPv6 lives by them.',
    'meta pkttype { broadcast, multicast } return',
    'ip daddr { 224.0.0.0/4, 255.255.255.255 } return',
    'ip6 daddr ff00::/8 return',
  ),
  because(
    'Sources that are no host: as elements of a set they would break this machine.',
    'ip saddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } return',
    'ip6 saddr != { 2000::/3, fc00::/7, 64:ff9b::/96 } return',
  ),
]

const exempt = [...known, ...nobody]
const exemptUnlessPending = [...known, pendingDrop, ...nobody]

/** Lets a late packet on (`way`), and remembers its flow: if it is answered with RST, nobody shall hear it. */
function strays(which: string, way: 'accept' | 'return'): string[] {
  return [
    `${which} add @flypaper_stray { ip saddr . tcp sport . tcp dport } ${way}`,
    `${which} add @flypaper_stray6 { ip6 saddr . tcp sport . tcp dport } ${way}`,
  ]
}

const toTheJudge = because('The judge. Who offended does not come back from there.', 'jump flypaper_judge')

/**
 * closed = "listening": closed is where no socket of this machine would take the packet. With "unaccepted" a port that is open
 * is watched.
 */
function listening(mode: 'listening' | 'unaccepted'): ChainSpec {
  const open = mode === 'unaccepted' ? 'goto flypaper_watch' : 'return'
  return {
    name: 'flypaper_listening',
    why: 'Incoming traffic, after address translation: what is published elsewhere does not come here.',
    hook: INPUT_HOOK,
    paragraphs: [
      because(
        'A connection that a client opened is closing: its port was open, also if the service is gone by now.',
        'tcp flags & (fin | rst) != 0 ct state established ct direction original iif != "lo" update @flypaper_served { meta l4proto . th dport }',
      ),
      ...(mode === 'unaccepted' ? exemptUnlessPending : exempt),
      because(
        'Somebody listens: not closed, and the port is remembered as served.',
        `${SYN_ALONE} socket wildcard { 0, 1 } update @flypaper_served { meta l4proto . th dport } ${open}`,
        `meta l4proto udp socket wildcard { 0, 1 } update @flypaper_served { meta l4proto . th dport } ${open}`,
      ),
      because(
        'Somebody listened lately: a service that restarts. Its clients get the answer they would get without us.',
        `${SYN_ALONE} meta l4proto . th dport @flypaper_served return`,
        'meta l4proto udp meta l4proto . th dport @flypaper_served return',
      ),
      because(
        'A late packet to a living socket, or to one that is just being opened or closed, goes on to it.',
        ...strays(`${LATE} socket wildcard { 0, 1 }`, 'return'),
        ...strays(`${LATE} meta l4proto . th dport @flypaper_served`, 'return'),
      ),
      toTheJudge,
    ],
  }
}

/** closed = "unmatched": before the administrator's input chain. */
const beforeInput: ChainSpec = {
  name: 'flypaper_strays',
  why: 'Before the input chain, whose rules let late packets through to open ports: an answer would map them.',
  hook: INPUT_HOOK,
  paragraphs: [
    sessions,
    because(
      'If it is answered with RST, nobody shall hear it. When no more flows can be remembered, it is dropped instead.',
      ...strays(LATE, 'return'),
      `${LATE} counter drop`,
    ),
  ],
}

/** closed = "unmatched": the administrator's input chain ends in `jump flypaper_input`. */
const unmatchedInput: ChainSpec = {
  name: 'flypaper_input',
  why: 'What no rule of the input chain accepted: the administrator jumps here at its end.',
  paragraphs: [
    ...exempt,
    because(
      'ICMP errors belong to connections that the kernel knows better than conntrack: path MTU discovery lives by them.',
      'icmp type { destination-unreachable, time-exceeded, parameter-problem } accept',
      'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept',
    ),
    because(
      'A late packet to a living socket goes on to it: a connection that is older than the trap, or that conntrack forgot. It cannot open anything: without SYN it reaches an open connection or nothing.',
      `${LATE} socket wildcard { 0, 1 } accept`,
    ),
    toTheJudge,
  ],
}

/** The administrator's forward chain ends in `jump flypaper_forward`. */
const unmatchedForward: ChainSpec = {
  name: 'flypaper_forward',
  why: 'What no rule of the forward chain accepted: the administrator jumps here at its end.',
  paragraphs: [
    ...exempt,
    because(
      'Late packets may belong to a connection whose other half takes another way: his rules decide.',
      `${LATE} return`,
    ),
    toTheJudge,
  ],
}

/** Base chains, each of one mode or two, which must not stay behind in the others. */
const HOOKS = {
  flypaper_strays: INPUT_HOOK,
  flypaper_listening: INPUT_HOOK,
  flypaper_through: FORWARD_HOOK,
  flypaper_end_input: END_INPUT_HOOK,
  flypaper_end_forward: END_FORWARD_HOOK,
} as const

export function entrances(settings: Settings, firstLocalPort: number): Pick<Ruleset, 'chains' | 'absent'> {
  const chains = chainsOf(settings, firstLocalPort)
  const absent = Object.entries(HOOKS)
    .map(([name, hook]) => ({ name: name as keyof typeof HOOKS, hook }))
    .filter(({ name }) => !chains.some(chain => chain.name === name))
  return { chains, absent }
}

function chainsOf(settings: Settings, firstLocalPort: number): readonly ChainSpec[] {
  const mode = closedMode(settings)
  if (mode === 'unmatched') return [beforeInput, unmatchedInput, unmatchedForward]
  const unused = (name: 'flypaper_input' | 'flypaper_forward'): ChainSpec => ({
    name,
    why: `Not used with closed = "${mode}"; here so that a jump to it finds it.`,
    paragraphs: [],
  })
  const both = [listening(mode), unused('flypaper_input'), unused('flypaper_forward')]
  if (mode === 'listening') return both
  const { number, grades } = settings
  return [
    ...both,
    through(exemptUnlessPending),
    ...watch(number + DOORBELL, grades, firstLocalPort),
    ...ends(grades),
    refusal,
    ...(grades.silent.length > 0 ? [HEARD] : []),
  ]
}
