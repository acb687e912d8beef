/**
 * What of this machine the trap must know: the port that system/surroundings.ts stands behind, and how it
 * becomes elements. Who is near must never be cut off, and whoever is connected now must not notice the arming.
 */
import type { Mode } from '../settings/settings.ts'
import { type Address, familyOf, mergePrefixes, type Prefix, parsePrefix, widen } from '../terms/address.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import type { Change } from './firewall.ts'
import { SINGLE6_ALWAYS } from './ruleset/sets.ts'

/** What changes rarely, and tells when it does. */
export interface Neighbourhood {
  readonly own: readonly Address[]
  readonly gateways: readonly Address[]
  readonly resolvers: readonly Address[]
  /** IPv6 prefixes that lie on our own links. */
  readonly onLink6: readonly Prefix[]
}

/** Connected hosts that one look takes in, at most. */
export const CONNECTED_MAX = 10_000

/** IANA protocol number (6 or 17) and port. */
export type ServedPort = readonly [protocol: number, port: number]

export interface Surroundings {
  /** Reads again what may be too much to be read for every question, routes and connections: what is told of them below is as of then. */
  reread(): Promise<void>
  neighbourhood(): Neighbourhood
  /** Local ports that somebody listens on, and those that IPVS serves. */
  served(): readonly ServedPort[]
  /** The other ends of the TCP connections that live now. */
  connected(): readonly Address[]
  /** The interfaces of the default routes of all tables, by their names. */
  uplinks(): readonly string[]
  /** Whether IPVS serves anything here. */
  balances(): boolean
  /** Whether this machine forwards packets, of either family. */
  forwards(): boolean
  /** The first port from which this machine opens connections (ip_local_port_range); 32768 at most. */
  firstLocalPort(): number
  /** What of all this could not be told whole when it was read last, and what follows: sentences. */
  remarks(): readonly string[]
  /** Seconds since boot. */
  uptime(): number
}

export function ownPrefixes(near: Neighbourhood): readonly Prefix[] {
  const addresses = [...near.own, ...near.gateways, ...near.resolvers]
  return mergePrefixes(addresses.map(address => parsePrefix(address)!))
}

/** Where IPv6 hosts stick one by one: on our links, behind NAT64, and where somebody of the never-list lives. */
export function singlePrefixes(near: Neighbourhood, never: readonly Prefix[]): readonly Prefix[] {
  const always = SINGLE6_ALWAYS.map(text => parsePrefix(text)!)
  const near6 = [...ownPrefixes(near), ...never].filter(prefix => prefix.family === 6)
  return mergePrefixes([...always, ...near.onLink6, ...near6.map(prefix => widen(prefix, 64))])
}

export function neighbourhoodChanges(near: Neighbourhood, never: readonly Prefix[]): readonly Change[] {
  const own = ownPrefixes(near)
  const refill = (
    set: 'flypaper_own' | 'flypaper_own6' | 'flypaper_single6',
    prefixes: readonly Prefix[],
  ): Change[] => [
    { change: 'empty', set },
    { change: 'add', set, elements: prefixes.map(element => ({ element })) },
  ]
  return [
    ...refill(
      'flypaper_own',
      own.filter(prefix => prefix.family === 4),
    ),
    ...refill(
      'flypaper_own6',
      own.filter(prefix => prefix.family === 6),
    ),
    ...refill('flypaper_single6', singlePrefixes(near, never)),
  ]
}

/** What the trap must know in this mode of `closed`. */
export function surroundingChanges(
  surroundings: Pick<Surroundings, 'served' | 'uplinks' | 'balances'>,
  mode: Mode,
): readonly Change[] {
  return [
    ...(mode === 'unmatched' ? [] : servedChanges(surroundings.served())),
    ...(mode === 'unaccepted' ? uplinkChanges(surroundings.uplinks()) : []),
    ...(mode === 'unaccepted' && surroundings.balances() ? unsureChanges : []),
  ]
}

/** NFPROTO_IPV4 and NFPROTO_IPV6 of linux/netfilter.h. */
export const NFPROTO = [2, 10]

/** IPVS takes packets out on their way through the chains, so nobody can be watched. Renewed once a minute. */
const unsureChanges: readonly Change[] = (['remove', 'add'] as const).map(change => ({
  change,
  set: 'flypaper_unsure',
  elements: NFPROTO.map(element => ({ element })),
}))

function uplinkChanges(names: readonly string[]): readonly Change[] {
  const elements = [...new Set(names)].map(name => ({ element: { interface: name } }))
  return [
    { change: 'empty', set: 'flypaper_outside' },
    { change: 'add', set: 'flypaper_outside', elements },
  ]
}

/** Adding an element again would not renew its time, so each is taken out in the same transaction. */
export function servedChanges(served: readonly ServedPort[]): readonly Change[] {
  if (served.length === 0) return []
  const elements = served.map(element => ({ element }))
  return (['remove', 'add'] as const).map(change => ({ change, set: 'flypaper_served', elements }))
}

/**
 * Whoever is connected is known, also when the connection is older than the trap or has been quiet for long. Adding an
 * element again would not renew its time, so each is taken out in the same transaction.
 */
export function knownChanges(
  connected: readonly Address[],
  nameFly: (source: Address) => Fly,
): readonly Change[] {
  const known = connected.slice(0, CONNECTED_MAX)
  return ([4, 6] as const).flatMap(family => {
    const set = family === 4 ? 'flypaper_known' : 'flypaper_known6'
    const hosts = known.filter(address => familyOf(address) === family)
    const elements = [...new Set(hosts.map(host => elementOf(nameFly(host)).element))].map(element => ({
      element,
    }))
    return elements.length === 0
      ? []
      : (['remove', 'add'] as const).map(change => ({ change, set, elements }))
  })
}
