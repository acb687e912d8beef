/** The sets of who is near, where hosts stick one by one, which links there are, and what is behind this machine. */
import { neverOf, type Settings } from '../../settings/settings.ts'
import type { Family } from '../../terms/address.ts'
import { NAT64 } from '../../terms/fly.ts'
import { prefixesIn } from '../../terms/prefix-set.ts'
import { bothFamilies, SAME } from './set-pairs.ts'
import type { SetSpec } from './spec.ts'

/** What the daemon keeps in flypaper_single6 on every machine. */
export const SINGLE6_ALWAYS: readonly string[] = [NAT64]

/** Who is never shut out, and where hosts stick one by one. */
export function sparedSets(settings: Settings): readonly SetSpec[] {
  const never = (family: Family) => () =>
    [...prefixesIn(neverOf(settings))].filter(prefix => prefix.family === family).map(({ text }) => text)
  return [
    {
      name: 'flypaper_never',
      why: 'the never-list of the settings: never held, never locked out',
      type: 'ipv4_addr',
      flags: ['interval'],
      elements: never(4),
    },
    {
      name: 'flypaper_never6',
      why: SAME,
      type: 'ipv6_addr',
      flags: ['interval'],
      elements: never(6),
    },
    ...bothFamilies('flypaper_own', {
      why: 'own addresses, gateways and resolvers, kept up to date by the daemon: never held, never locked out',
      flags: ['interval'],
    }),
    {
      name: 'flypaper_single6',
      why: 'where hosts stick one by one, since a whole /64 would hurt others: our own links, NAT64',
      type: 'ipv6_addr',
      flags: ['interval'],
    },
    ...bothFamilies('flypaper_links', {
      why: 'networks on our links, kept up to date by the daemon: who comes by another link in their name proves nothing',
      flags: ['interval'],
    }),
  ]
}

/** What is behind this machine, what is before it, and by which doors one gets in. */
export function insideSets(): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper_inside', {
      why: 'networks behind this machine: what they send on to the outside is no offence, and passes while they stick',
      flags: ['interval'],
    }),
    {
      name: 'flypaper_outside',
      // By name: one that is missing keeps no file from being loaded.
      why: 'the interfaces of the default routes, kept up to date by the daemon',
      type: 'ifname',
    },
    {
      name: 'flypaper_doors',
      why: 'ports of WireGuard here, kept up to date by the daemon: who sticks reaches them, and without a key gets no answer',
      type: 'inet_proto . inet_service',
    },
  ]
}
