/** The reflex, on the way in: what happens to a source that is held or stuck, whether the daemon lives or not. */
import type { ChainName } from '../names.ts'
import { isIn, isWithin, SPARED } from './matches.ts'
import { laterFragment } from './reach.ts'
import { only, rule } from './rule.ts'
import { because, type ChainSpec, type Paragraph } from './spec.ts'

export const IPV4_ENDS = because('that was all for IPv4', [rule(['meta nfproto ipv4'], 'return')])
export const TO_ITSELF = 'this machine talking to itself'

/** Where who sticks is sent: flies of IPv4, and everybody else. */
export interface Ends {
  readonly fly: ChainName
  readonly stuck: ChainName
}

export function early(): ChainSpec {
  return {
    name: 'flypaper_early',
    why: 'all traffic meets this first, incoming and forwarded: whoever sticks ends here',
    hook: 'type filter hook prerouting priority -450; policy accept;',
    paragraphs: whoSticks({ fly: 'flypaper_reach', stuck: 'flypaper_stuck' }),
  }
}

export function whoSticks({ fly, stuck }: Ends): readonly Paragraph[] {
  const nets = {
    ...rule([isWithin('flypaper_nets')], `goto ${stuck}`),
    why: 'prefixes locked out by hand',
  }
  const held = rule([isIn('flypaper_hold')], `goto ${stuck}`)
  const isHeldWhy = 'held by the kernel until judged'
  return [
    because(
      'locked out: the flies of IPv4',
      only('ip', [rule([isIn('flypaper')], `goto ${fly}`)]),
      'They send the most, so nobody asks whether they are spared: the daemon keeps whoever is never locked out from this set.',
    ),
    because(
      isHeldWhy,
      only('ip', [held, nets]),
      'Who is spared all the same, flypaper_stuck asks, which costs only those who are in a set.',
    ),
    IPV4_ENDS,
    because(
      'locked out: the flies of IPv6',
      only('ip6', [{ ...held, why: isHeldWhy }, rule([isIn('flypaper')], `goto ${stuck}`), nets]),
    ),
  ]
}

export function stuck(): ChainSpec {
  return {
    name: 'flypaper_stuck',
    why: 'the end of the way for whoever sticks, also for his open connections',
    paragraphs: [because(TO_ITSELF, [rule(['iif "lo"'], 'return')]), ...whoIsSpared('flypaper_reach')],
  }
}

/** Everybody else ends there. */
export function whoIsSpared(end: ChainName): readonly Paragraph[] {
  return [
    because('neighbour discovery: without it IPv6 breaks, whoever is in a set', [
      rule(['ip6 saddr { ::, fe80::/10 }'], 'return'),
      rule(['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }'], 'return'),
    ]),
    {
      note: 'Whatever way somebody came into a set: but for IPv4 hosts in flypaper, who do not come here.',
      rules: SPARED.map(({ match, why }) => ({ ...rule([match], 'return'), why })),
    },
    laterFragment('ip6'),
    because('everybody else', [rule([], `goto ${end}`)]),
  ]
}
