/** The reflex: what happens to a source that is held or stuck, whether the daemon lives or not. */
import type { Grades, Mode } from '../../settings/settings.ts'
import {
  because,
  type ChainSpec,
  isHeld,
  isIn,
  type NftFamily,
  ofFamily,
  originalFlow,
  put,
  SPARED,
} from './spec.ts'
import { refusals } from './unaccepted.ts'

const IPV4_ENDS = because('That was all for IPv4.', 'meta nfproto ipv4 return')

export function early(): ChainSpec {
  const toStuck = (family: NftFamily, matches: readonly string[]) =>
    ofFamily(family, matches).map(match => `${match} goto flypaper_stuck`)
  return {
    name: 'flypaper_early',
    why: 'All traffic meets this first, incoming and forwarded, before conntrack and address translation.',
    hook: 'type filter hook prerouting priority -450; policy accept;',
    paragraphs: [
      because(
        'The IPv4 flies, before anything is asked and without a counter, since they send the most: the daemon keeps whoever is never locked out from this set.',
        'ip saddr @flypaper drop',
      ),
      because(
        'Held sources, but for hosts that we talk to ourselves, and prefixes that were locked out by hand. Who is spared all the same, flypaper_stuck asks, which costs only those who are in a set.',
        ...toStuck('ip', [...isHeld('saddr'), ...nets('saddr')]),
      ),
      IPV4_ENDS,
      because(
        'IPv6: held sources and flies.',
        ...toStuck('ip6', [...isHeld('saddr'), ...isIn('flypaper', 'saddr'), ...nets('saddr')]),
      ),
    ],
  }
}

export function stuck(): ChainSpec {
  return {
    name: 'flypaper_stuck',
    why: 'The end of the way for whoever sticks, also for what his open connections still carry.',
    paragraphs: [
      because('This machine talking to itself.', 'iif "lo" return'),
      because(
        'Neighbour discovery speaks from these: dropping it would break IPv6, whatever somebody put into a set.',
        'ip6 saddr { ::, fe80::/10 } return',
      ),
      because(
        'The never-list first, whatever way somebody came into a set: but for IPv4 hosts in flypaper, who do not come here.',
        ...SPARED.map(({ match }) => `${match} return`),
      ),
      because('Everybody else gets no reaction.', 'counter drop'),
    ],
  }
}

export function out(mode: Mode, grades: Grades): ChainSpec {
  const isSilent = grades.silent.length > 0
  return {
    name: 'flypaper_out',
    why: 'On the way out: remember whom we talk to, and answer nobody who sticks.',
    hook: 'type filter hook postrouting priority 450; policy accept;',
    paragraphs: [
      because('This machine talking to itself.', 'oif "lo" return'),
      ...(mode === 'unaccepted' ? [refusals] : []),
      because(
        'What was originated here, or behind us, goes out, to whomever.',
        'ct direction original goto flypaper_ours',
      ),
      because(
        'No answer to held sources and flies: what was on its way when its sender offended ends here.',
        ...noAnswer('ip'),
      ),
      because(
        'Data or a farewell in answer to a connection: its client has opened it whole, which nobody can do with a forged address. It is known.',
        ...becomesKnown('ip'),
      ),
      because(
        'A late packet was let through to its socket. A living connection takes it; the RST of any other socket would tell a scanner that the port is open.',
        strayReset('ip'),
      ),
      ...(isSilent
        ? [because('Nor does anybody hear an error from a port that is to be silent.', silentError('ip'))]
        : []),
      IPV4_ENDS,
      because(
        'The same for IPv6.',
        ...noAnswer('ip6'),
        ...becomesKnown('ip6'),
        strayReset('ip6'),
        ...(isSilent ? [silentError('ip6')] : []),
      ),
    ],
  }
}

/** The sets are asked first, which most packets leave the rule at. */
function noAnswer(family: NftFamily): readonly string[] {
  const six = family === 'ip6' ? '6' : ''
  const spared = `${family} daddr != @flypaper_never${six} ${family} daddr != @flypaper_own${six}`
  return ofFamily(family, [...isHeld('daddr'), ...isIn('flypaper', 'daddr'), ...nets('daddr')]).map(
    match => `${match} ct direction reply ${spared} counter drop`,
  )
}

function becomesKnown(family: NftFamily): readonly string[] {
  return ofFamily(family, put('update', 'flypaper_known', 'daddr')).map(
    rule => `tcp flags & (fin | psh) != 0 ct state established ct direction reply ${rule}`,
  )
}

/** Services that are asked by multicast or broadcast, and answer from wherever they like: NetBIOS, SSDP, WS-Discovery, mDNS, LLMNR. */
const ASK_EVERYBODY = '137, 138, 1900, 3702, 5353, 5355'

export function ours(): ChainSpec {
  return {
    name: 'flypaper_ours',
    why: 'What was originated here, or behind us. Known from conntrack, never by answering.',
    paragraphs: [
      because('Only the first packet of a connection tells something new.', 'ct state != new return'),
      because(
        'A question to everybody in the neighbourhood: answers may come from any host and port, for a moment.',
        `udp dport { ${ASK_EVERYBODY} } update @flypaper_asked { udp sport }`,
      ),
      because(
        'Nobody in particular.',
        'ip daddr { 224.0.0.0/4, 255.255.255.255 } return',
        'ip6 daddr ff00::/8 return',
      ),
      because(
        'A connection that is older than conntrack: who opened it is not to be seen.',
        'tcp flags & (syn | ack) != syn return',
      ),
      because(
        'The other side becomes a host that we talk to: one forged packet must not cut it off.',
        ...put('update', 'flypaper_peers', 'daddr'),
      ),
      because(
        'Questions by UDP are remembered longer than conntrack does, since their answers may be late.',
        'update @flypaper_questions { ip daddr . udp dport . udp sport }',
        'update @flypaper_questions6 { ip6 daddr . udp dport . udp sport }',
      ),
    ],
  }
}

/** Matches what was locked out by hand as whole prefixes. */
function nets(way: 'saddr' | 'daddr'): readonly string[] {
  return [`ip ${way} @flypaper_nets`, `ip6 ${way} @flypaper_nets6`]
}

/** Each RST that is held back prolongs the memory: whoever asks again hears nothing again. */
function strayReset(family: NftFamily): string {
  const set = family === 'ip' ? 'flypaper_stray' : 'flypaper_stray6'
  const flow = `${family} daddr . tcp dport . tcp sport`
  return `tcp flags & rst != 0 ${flow} @${set} update @${set} { ${flow} } counter drop`
}

/** Port unreachable and the like: who sent the packet that it answers, conntrack knows. */
function silentError(family: NftFamily): string {
  const [icmp, set] = family === 'ip' ? ['icmp', 'flypaper_stray'] : ['icmpv6', 'flypaper_stray6']
  return `${icmp} type destination-unreachable ${originalFlow(family)} @${set} counter drop`
}
