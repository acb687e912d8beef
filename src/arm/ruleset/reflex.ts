/** The reflex: what happens to a source that is held or stuck, whether the daemon lives or not. */
import { because, type ChainSpec, NET64 } from './spec.ts'

export function early(): ChainSpec {
  return {
    name: 'flypaper_early',
    why: 'All traffic meets this first, incoming and forwarded, before conntrack and address translation.',
    hook: 'type filter hook prerouting priority -450; policy accept;',
    paragraphs: [
      because('This machine talking to itself.', 'iif "lo" return'),
      because(
        'Neighbour discovery speaks from these: dropping it would break IPv6, whatever somebody put into a set.',
        'ip6 saddr { ::, fe80::/10 } return',
      ),
      because(
        'Held sources, but for hosts that we talk to ourselves; then the flies. The never-list is asked first in flypaper_stuck, which costs only those who are in a set.',
        'ip saddr @flypaper_hold ip saddr != @flypaper_peers goto flypaper_stuck',
        'ip saddr @flypaper goto flypaper_stuck',
        'ip saddr @flypaper_nets goto flypaper_stuck',
      ),
      because(
        'IPv6: the /64, and the single hosts of those networks whose hosts stick one by one.',
        `ip6 saddr ${NET64} @flypaper_hold6 ip6 saddr ${NET64} != @flypaper_peers6 goto flypaper_stuck`,
        `ip6 saddr ${NET64} @flypaper6 goto flypaper_stuck`,
        'ip6 saddr @flypaper_hold6 ip6 saddr != @flypaper_peers6 goto flypaper_stuck',
        'ip6 saddr @flypaper6 goto flypaper_stuck',
        'ip6 saddr @flypaper_nets6 goto flypaper_stuck',
      ),
    ],
  }
}

export function stuck(): ChainSpec {
  return {
    name: 'flypaper_stuck',
    why: 'The end of the way for whoever sticks, also for what his open connections still carry.',
    paragraphs: [
      because(
        'The never-list first, whatever way somebody came into a set.',
        'ip saddr @flypaper_never return',
        'ip saddr @flypaper_own return',
        'ip6 saddr @flypaper_never6 return',
        'ip6 saddr @flypaper_own6 return',
      ),
      because('Everybody else gets no reaction.', 'counter drop'),
    ],
  }
}

export function out(): ChainSpec {
  const toSomebody = 'ip daddr != { 224.0.0.0/4, 255.255.255.255 }'
  const held = 'ip daddr @flypaper_hold ip daddr != @flypaper_peers'
  const spared = 'ip daddr != @flypaper_never ip daddr != @flypaper_own'
  const spared6 = 'ip6 daddr != @flypaper_never6 ip6 daddr != @flypaper_own6'
  const net = `ip6 daddr ${NET64}`
  return {
    name: 'flypaper_out',
    why: 'On the way out: remember whom we talk to, and answer nobody who sticks.',
    hook: 'type filter hook postrouting priority 450; policy accept;',
    paragraphs: [
      because('This machine talking to itself.', 'oif "lo" return'),
      because(
        'A connection originated here, or behind us, makes the other side a host we talk to. Known from conntrack, never by answering.',
        `ct state new ct direction original ${toSomebody} update @flypaper_peers { ip daddr }`,
        'ct state new ct direction original ip6 daddr @flypaper_single6 update @flypaper_peers6 { ip6 daddr }',
        `ct state new ct direction original ip6 daddr != @flypaper_single6 ip6 daddr != ff00::/8 update @flypaper_peers6 { ${net} }`,
      ),
      because('What we originated goes out, to whomever.', 'ct direction original return'),
      because(
        'No answer to held sources and flies: what was on its way when its sender offended ends here.',
        `ct direction reply ${held} ${spared} counter drop`,
        `ct direction reply ip daddr @flypaper ${spared} counter drop`,
        `ct direction reply ip daddr @flypaper_nets ${spared} counter drop`,
        `ct direction reply ${net} @flypaper_hold6 ${net} != @flypaper_peers6 ${spared6} counter drop`,
        `ct direction reply ${net} @flypaper6 ${spared6} counter drop`,
        `ct direction reply ip6 daddr @flypaper_hold6 ip6 daddr != @flypaper_peers6 ${spared6} counter drop`,
        `ct direction reply ip6 daddr @flypaper6 ${spared6} counter drop`,
        `ct direction reply ip6 daddr @flypaper_nets6 ${spared6} counter drop`,
      ),
      because(
        'A late packet was let through to its socket. A living connection takes it; the RST of any other socket would tell a scanner that the port is open.',
        strayReset('ip', 'flypaper_stray'),
        strayReset('ip6', 'flypaper_stray6'),
      ),
    ],
  }
}

/** Each RST that is held back prolongs the memory: whoever asks again hears nothing again. */
function strayReset(family: 'ip' | 'ip6', set: string): string {
  const flow = `${family} daddr . tcp dport . tcp sport`
  return `tcp flags & rst != 0 ${flow} @${set} update @${set} { ${flow} } counter drop`
}
