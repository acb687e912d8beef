/** The entrances: which packets come before the judge, in each mode of `closed`. */
import type { closedMode } from '../../settings/settings.ts'
import { because, type ChainSpec, type Paragraph, type Ruleset } from './spec.ts'

const SYN_ALONE = 'tcp flags & (fin | syn | rst | ack) == syn'
const LISTENING_HOOK = 'type filter hook input priority -10; policy accept;'

/** Who is never brought before the judge, in every mode and on every way. */
const exempt: readonly Paragraph[] = [
  because('The grace time after boot: services are still starting.', 'meta nfproto @flypaper_grace return'),
  because(
    'This machine talking to itself, and every connection that conntrack knows.',
    'iif "lo" return',
    'ct state established,related return',
  ),
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
  because(
    'The never-list.',
    'ip saddr @flypaper_never return',
    'ip saddr @flypaper_own return',
    'ip6 saddr @flypaper_never6 return',
    'ip6 saddr @flypaper_own6 return',
  ),
]

/** A late packet (ACK, RST, SYN+ACK …) of a connection that conntrack does not know. `way` lets it through. */
function strays(which: string, way: 'accept' | 'return'): string[] {
  return [
    `${which} add @flypaper_stray { ip saddr . tcp sport . tcp dport } ${way}`,
    `${which} add @flypaper_stray6 { ip6 saddr . tcp sport . tcp dport } ${way}`,
  ]
}

const LATE = 'tcp flags & (ack | rst) != 0'

const silence = because(
  'Any other late or damaged TCP packet is no offence, but an answer would map the ports.',
  'meta l4proto tcp counter drop',
)

/** closed = "listening": closed is where no socket of this machine would take the packet. */
const listening: ChainSpec = {
  name: 'flypaper_listening',
  why: 'Incoming traffic, after address translation: what is published elsewhere does not come here.',
  hook: LISTENING_HOOK,
  paragraphs: [
    because(
      'A connection that a client opened is closing: its port was open, also if the service is gone by now.',
      'tcp flags & (fin | rst) != 0 ct state established ct direction original update @flypaper_served { meta l4proto . th dport }',
    ),
    ...exempt,
    because(
      'Somebody listens: not closed, and the port is remembered as served.',
      `${SYN_ALONE} socket wildcard { 0, 1 } update @flypaper_served { meta l4proto . th dport } return`,
      'meta l4proto udp socket wildcard { 0, 1 } update @flypaper_served { meta l4proto . th dport } return',
    ),
    because(
      'Somebody listened lately: a service that restarts. Its clients get the answer they would get without us.',
      `${SYN_ALONE} meta l4proto . th dport @flypaper_served return`,
      'meta l4proto udp meta l4proto . th dport @flypaper_served return',
    ),
    because('The judge. Offenders do not come back from there.', 'jump flypaper_judge'),
    because(
      'A late packet to a living socket, or to one that is just being opened or closed, goes on to it.',
      ...strays(`${LATE} socket wildcard { 0, 1 }`, 'return'),
      ...strays(`${LATE} meta l4proto . th dport @flypaper_served`, 'return'),
    ),
    silence,
  ],
}

/** closed = "unmatched": the administrator's input chain ends in `jump flypaper_input`. */
const unmatchedInput: ChainSpec = {
  name: 'flypaper_input',
  why: 'What no rule of the input chain accepted: the administrator jumps here at its end.',
  paragraphs: [
    ...exempt,
    because('The judge. Offenders do not come back from there.', 'jump flypaper_judge'),
    because(
      'ICMP errors belong to connections that the kernel knows better than conntrack: path MTU discovery lives by them.',
      'icmp type { destination-unreachable, time-exceeded, parameter-problem } accept',
      'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept',
    ),
    because(
      'A late packet to a living socket goes on to it: a connection that is older than the trap, or that conntrack forgot. It cannot open anything: without SYN it reaches an open connection or nothing.',
      ...strays(`${LATE} socket wildcard { 0, 1 }`, 'accept'),
    ),
    silence,
  ],
}

/** The administrator's forward chain ends in `jump flypaper_forward`. */
const unmatchedForward: ChainSpec = {
  name: 'flypaper_forward',
  why: 'What no rule of the forward chain accepted: the administrator jumps here at its end. Late packets go back to his rules.',
  paragraphs: [
    ...exempt,
    because('The judge. Offenders do not come back from there.', 'jump flypaper_judge'),
  ],
}

export function entrances(mode: ReturnType<typeof closedMode>): Pick<Ruleset, 'chains' | 'absent'> {
  if (mode === 'unmatched') {
    return {
      chains: [unmatchedInput, unmatchedForward],
      absent: [{ name: 'flypaper_listening', hook: LISTENING_HOOK }],
    }
  }
  const unused = (name: 'flypaper_input' | 'flypaper_forward'): ChainSpec => ({
    name,
    why: 'Not used with closed = "listening"; here so that a jump to it finds it.',
    paragraphs: [],
  })
  return { chains: [listening, unused('flypaper_input'), unused('flypaper_forward')], absent: [] }
}
