/**
 * The same reflex where a device hands its packets over, before any flowtable takes them past all other chains: docs/decisions/0070-ingress.md.
 * Nothing is asked there that another hook would have to know: neither conntrack nor routes.
 */
import { isIn, isNotWithin, isWithin } from './matches.ts'
import { type Reach, ways } from './reach.ts'
import { whoIsSpared, whoSticks } from './reflex.ts'
import { rule } from './rule.ts'
import { because, type ChainSpec, type Ground } from './spec.ts'

/** Flowtables are at 0 or near it, unless somebody has chosen otherwise. */
export const INGRESS_PRIORITY = -450

/** None where no device is named, or none of them is here. */
export function atIngress(settings: Reach, ground: Ground): readonly ChainSpec[] {
  const { ingress: devices, inside, uplinks } = ground
  if (devices.length === 0) return []
  return [
    {
      name: 'flypaper_ingress',
      why: 'what these devices hand over: whoever sticks ends here already, also in a flow that a flowtable would take',
      hook: `type filter hook ingress ${devicesText(devices)} priority ${INGRESS_PRIORITY}; policy accept;`,
      devices,
      paragraphs: whoSticks({ fly: 'flypaper_ingress_reach', stuck: 'flypaper_ingress_stuck' }),
    },
    {
      name: 'flypaper_ingress_stuck',
      why: 'at ingress: who is spared all the same, as flypaper_stuck says',
      paragraphs: whoIsSpared('flypaper_ingress_reach'),
    },
    {
      name: 'flypaper_ingress_reach',
      why: 'at ingress: what a source that sticks still reaches, and what is left to flypaper_early',
      paragraphs: [
        because('a frame for somebody else: of a bridge, of a container with an address of its own', [
          rule(['meta pkttype != host'], 'return'),
        ]),
        ...(inside && uplinks.length > 0 ? [outward] : []),
        ...ways(settings, { inside: false, uplinks: [] }, [ofPeers]),
      ],
    },
  ]
}

const outward = because('from inside, and not to the inside: whether it goes out is asked later', [
  rule([isWithin('flypaper_inside'), isNotWithin('flypaper_inside', 'daddr')], 'return'),
])

const ofPeers = because(
  'a host that we talk to: it may be the answer of a flow of ours, which flypaper_early knows',
  [rule([isIn('flypaper_peers')], 'return')],
  'When such a flow is in a flowtable, nobody has noted it in flypaper_called.',
)

/** As nft takes them, in the order of their names. */
export function devicesText(devices: readonly string[]): string {
  return `devices = { ${[...devices]
    .sort()
    .map(device => `"${device}"`)
    .join(', ')} }`
}
