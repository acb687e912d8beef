/**
 * What of this machine the trap must know: the port that system/surroundings.ts stands behind, and how it
 * becomes elements. Who is near must never be cut off, and whoever is connected now must not notice the arming.
 */
import type { Mode, Settings } from '../settings/settings.ts'
import { type Address, type Family, mergePrefixes, type Prefix, parsePrefix } from '../terms/address.ts'
import { collectPrefixes, type PrefixSet, prefixSet } from '../terms/prefix-set.ts'
import type { Place } from './bound.ts'
import type { Change } from './firewall.ts'
import type { SetName } from './names.ts'
import { SINGLE6_ALWAYS } from './ruleset/near-sets.ts'

/** What changes rarely, and tells when it does. */
export interface Neighbourhood {
  readonly own: readonly Address[]
  readonly gateways: readonly Address[]
  readonly resolvers: readonly Address[]
  /** IPv6 prefixes that lie on our own links. */
  readonly onLink6: readonly Prefix[]
  /** Prefixes of both families that belong on one of our links, and nowhere else. */
  readonly links: readonly Prefix[]
  /** Those of them that lie inside of this machine, where it forwards: on links without a gateway, and no guests of its own. */
  readonly inside: readonly Prefix[]
}

/** Connected hosts that one look takes in, at most. */
export const CONNECTED_MAX = 10_000

/** IANA protocol number (6 or 17) and port; of what is served 0 is any port: IPVS may take packets by a mark alone. */
export type ServedPort = readonly [protocol: number, port: number]

export interface InUseWanted {
  /** Of so many hosts it is told at most. */
  readonly most: number
  /** Of whose flows it is told. */
  sticks(host: Address): boolean
}

export interface InUse {
  /** With whom. */
  readonly hosts: readonly Address[]
  /** Flows by TCP and UDP to those of them who stick, as their answers come; of each family as many as the kernel remembers. */
  readonly called: readonly Called[]
}

/** Whom we have called, by which protocol (6 or 17), his port, and ours. */
export type Called = readonly [host: Address, protocol: number, from: number, to: number]

export interface Surroundings {
  /** Reads again what may be too much to be read for every question, routes and connections: what is told of them below is as of then. */
  reread(): Promise<void>
  /** Reads again which name servers there are: none is known before, and the old ones stay where their file does not answer within two seconds. Never rejects. */
  rereadResolvers(): Promise<void>
  neighbourhood(): Neighbourhood
  /** Local ports that somebody listens on, and those that IPVS serves. */
  served(): readonly ServedPort[]
  /** Where those listen that do so by certain addresses only; none when not all can be told. */
  bound(): readonly Place[]
  /** The other ends of the TCP connections that live now. */
  connected(): readonly Address[]
  /** Connections that live and were opened from here or behind us. Reads in pieces. */
  inUse(wanted: InUseWanted): Promise<InUse>
  /** Which of these hosts have a connection that lives now, whoever opened it, as far as conntrack tells. Reads in pieces. */
  talking(hosts: PrefixSet): Promise<ReadonlySet<Address>>
  /** The interfaces of the default routes of all tables, by their names, as far as rules can name them. */
  uplinks(): readonly string[]
  /** Those of these interfaces that are here, by their names and no other ones that they may have. */
  present(names: readonly string[]): readonly string[]
  /** Local ports at which WireGuard interfaces of the kernel listen that are up. */
  doors(): readonly ServedPort[]
  /** Whether IPVS serves anything here. */
  balances(): boolean
  /** Whether this machine forwards packets, of either family. */
  forwards(): boolean
  /** The first port from which this machine opens connections (ip_local_port_range); 32768 at most. */
  firstLocalPort(): number
  /** All of them, as ip_local_port_range has them. */
  localPorts(): readonly [first: number, last: number]
  /** What of all this could not be told whole when it was read last, and what follows: sentences. */
  remarks(): readonly string[]
  /** Seconds since boot. */
  uptime(): number
}

export function ownPrefixes(near: Neighbourhood): readonly Prefix[] {
  const addresses = [...near.own, ...near.gateways, ...near.resolvers]
  return mergePrefixes(addresses.map(address => parsePrefix(address)!))
}

/** Where IPv6 hosts stick one by one: on our links, behind NAT64, where the settings say so, and where somebody of the never-list lives. */
export function singlePrefixes(
  near: Neighbourhood,
  never: PrefixSet,
  { single }: Pick<Settings['shared'], 'single'>,
): PrefixSet {
  const singles = collectPrefixes()
  for (const text of SINGLE6_ALWAYS) singles.add(parsePrefix(text)!)
  for (const prefix of near.onLink6) singles.add(prefix)
  for (const { ranges } of [prefixSet(ownPrefixes(near)), prefixSet(single), never])
    singles.addRanges(6, net64s(ranges[6]))
  return singles.set()
}

/** Prefixes that are narrower than a /64 become the one around them: of each the last two words of both ends. */
function net64s(ranges: Uint32Array): Uint32Array {
  return ranges.map((word, at) => {
    const isNarrow =
      ranges[at & ~7] === ranges[(at & ~7) + 4] && ranges[(at & ~7) + 1] === ranges[(at & ~7) + 5]
    const place = at & 7
    return !isNarrow || (place & 2) === 0 ? word : place < 4 ? 0 : 0xffff_ffff
  })
}

/** What lies inside of this machine, by these settings. */
export function insideOf(near: Neighbourhood, { inside }: Pick<Settings, 'inside'>): readonly Prefix[] {
  return mergePrefixes(inside === 'auto' ? near.inside : inside)
}

/** The never-list, and where hosts stick one by one, are written by fillListed. */
export function neighbourhoodChanges(
  near: Neighbourhood,
  settings: Pick<Settings, 'inside'>,
): readonly Change[] {
  return [
    ...refillPair('flypaper_own', ownPrefixes(near)),
    ...refillPair('flypaper_links', mergePrefixes(near.links)),
    ...refillPair('flypaper_inside', insideOf(near, settings)),
  ]
}

/** Those of each family in the set of its own. */
function refillPair(
  pair: 'flypaper_own' | 'flypaper_links' | 'flypaper_inside',
  prefixes: readonly Prefix[],
): readonly Change[] {
  const of = (family: Family) => prefixes.filter(prefix => prefix.family === family)
  return [...refill(pair, of(4)), ...refill(`${pair}6`, of(6))]
}

function refill(set: SetName, prefixes: readonly Prefix[]): readonly Change[] {
  return [
    { change: 'empty', set },
    { change: 'add', set, elements: prefixes.map(element => ({ element })) },
  ]
}

/** Ports that rules of others open under conditions that change. */
export interface ConditionalDoors {
  /** By their texts: `6,22`. */
  readonly ports: ReadonlyMap<string, ServedPort>
  /** Any port may be one: the rules do not tell which, or they are too many. */
  readonly isAny: boolean
  /** Ports at which rules send everybody elsewhere: they count as served. */
  readonly translated?: readonly ServedPort[] | undefined
  /** The sets and maps of others in which some of these stand: `ip nat published`. */
  readonly named?: readonly string[] | undefined
  readonly whole?: readonly Whole[] | undefined
}

/** A rule of others sends everything elsewhere that these send, whatever the port; `isPartly`: under a rate or the like. */
export interface Whole {
  readonly from: readonly Prefix[]
  readonly isPartly: boolean
}

export const NO_CONDITIONAL: ConditionalDoors = { ports: new Map(), isAny: false }

/** What the trap must know by these settings. */
export function surroundingChanges(
  surroundings: Pick<Surroundings, 'served' | 'uplinks' | 'balances' | 'doors'>,
  { closed: mode, doors }: { readonly closed: Mode } & Pick<Settings, 'doors'>,
  { isAny, translated = [] }: Pick<ConditionalDoors, 'isAny' | 'translated'>,
): readonly Change[] {
  const isUnsure = mode === 'unaccepted' && (isAny || surroundings.balances())
  const listening = mode === 'unmatched' ? [] : surroundings.served()
  return [
    ...servedChanges([...listening, ...translated]),
    ...uplinkChanges(surroundings.uplinks()),
    ...doorChanges(doors ? surroundings.doors() : []),
    ...(isUnsure ? unsureChanges : []),
  ]
}

/** The set of them, which has no other elements. */
export function conditionalChanges({ ports }: ConditionalDoors, mode: Mode): readonly Change[] {
  if (mode === 'listening') return []
  const elements = [...ports.values()].map(element => ({ element }))
  return [
    { change: 'empty', set: 'flypaper_conditional' },
    { change: 'add', set: 'flypaper_conditional', elements },
  ]
}

/** NFPROTO_IPV4 and NFPROTO_IPV6 of linux/netfilter.h. */
const NFPROTO = [2, 10]

/** Nobody is judged for so many seconds; 0 ends that. */
export function graceChanges(seconds: number): readonly Change[] {
  const elements = seconds > 0 ? NFPROTO.map(element => ({ element, seconds })) : []
  return [
    { change: 'empty', set: 'flypaper_grace' },
    { change: 'add', set: 'flypaper_grace', elements },
  ]
}

/** What was asked by UDP before the trap was there is not known: for some minutes whom we talk to is believed for every port. */
export const forgottenChanges = renewing('flypaper_forgotten')

/** Nobody can be watched: IPVS takes packets out on their way through the chains, or a refusal may mean anything. Renewed once a minute. */
const unsureChanges = renewing('flypaper_unsure')

/** For both families, as long as the set says. */
function renewing(set: 'flypaper_forgotten' | 'flypaper_unsure'): readonly Change[] {
  const elements = NFPROTO.map(element => ({ element }))
  return (['remove', 'add'] as const).map(change => ({ change, set, elements }))
}

function uplinkChanges(names: readonly string[]): readonly Change[] {
  const elements = [...new Set(names)].map(name => ({ element: { interface: name } }))
  return [
    { change: 'empty', set: 'flypaper_outside' },
    { change: 'add', set: 'flypaper_outside', elements },
  ]
}

function doorChanges(doors: readonly ServedPort[]): readonly Change[] {
  return [
    { change: 'empty', set: 'flypaper_doors' },
    { change: 'add', set: 'flypaper_doors', elements: doors.map(element => ({ element })) },
  ]
}

/** Adding an element again would not renew its time, so each is taken out in the same transaction. */
export function servedChanges(served: readonly ServedPort[]): readonly Change[] {
  if (served.length === 0) return []
  const elements = served.map(element => ({ element }))
  return (['remove', 'add'] as const).map(change => ({ change, set: 'flypaper_served', elements }))
}
