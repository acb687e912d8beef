/** What iproute2 and nft say of this machine becomes the machine that is cloned. Pure. */
import * as z from 'zod'
import { covers, parseAddress, prefixAround } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { behindOf, isHalfPublished, PUBLISHED_MAX, publishedIn } from './behind.ts'
import {
  familyOf,
  type Innocent,
  type IptablesRules,
  type Machine,
  type MachineAddress,
  type MachineRoute,
} from './machine.ts'
import type { Service } from './scans.ts'

/** `ip -j` of iproute2, as far as it is looked at. */
export const Links = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()),
    master: z.string().optional(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
    xdp: z.unknown().optional(),
  }),
)
export const Addresses = z.array(
  z.object({
    ifname: z.string(),
    addr_info: z.array(z.object({ local: z.string(), prefixlen: z.int(), scope: z.string() }).partial()),
  }),
)
export const Routes = z.array(
  z.object({
    dst: z.string(),
    gateway: z.string().optional(),
    dev: z.string().optional(),
    type: z.string().optional(),
    protocol: z.string().optional(),
  }),
)

export interface LiveFacts {
  readonly links: z.infer<typeof Links>
  readonly addresses: z.infer<typeof Addresses>
  readonly routes: z.infer<typeof Routes>
  /** How many rules choose routing tables. */
  readonly routingRules: number
  readonly ruleset: string
  readonly iptables: readonly IptablesRules[]
  /** Rules of iptables-legacy that could not be read. */
  readonly hasLegacyRules: boolean
  readonly sysctls: Readonly<Record<string, string>>
  readonly services: readonly Service[]
  readonly innocents: readonly Innocent[]
}

/** The machine as it is, and how to see whether it still is. */
export interface Live {
  readonly machine: Machine
  /** Another text as soon as rules, links, addresses or routes are others. */
  look(): Promise<string>
}

/** Those that decide what is answered, forwarded or taken for a connection, below /proc/sys/. */
export const LIVE_SYSCTLS = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/rp_filter',
  'net/ipv4/conf/default/rp_filter',
  'net/ipv4/icmp_echo_ignore_all',
  'net/ipv4/tcp_syncookies',
  'net/ipv4/ip_local_port_range',
  'net/ipv6/conf/all/forwarding',
  'net/netfilter/nf_conntrack_tcp_loose',
  'net/netfilter/nf_conntrack_tcp_be_liberal',
] as const

/** Kinds of interfaces that a virtual cable stands for without a word. */
const CABLES = [undefined, 'veth', 'dummy', 'bridge']
/** RFC 5737 and 3849: the way out of a machine that has none. */
const NOWHERE = { 4: '198.51.100.254', 6: '2001:db8:ffff::fe' } as const
const INSIDE = 'Hosts of other links that are connected now.'
/** `ip rule` of a machine where nobody added one: local, main, default. */
const USUAL_RULES = 3

/** Throws a Failure (69) where the machine has no address that a stranger could reach. */
export function machineFrom(facts: LiveFacts): Machine {
  const addresses = facts.addresses.flatMap(({ ifname, addr_info }) =>
    addr_info.flatMap(({ local, prefixlen, scope }): MachineAddress[] =>
      ifname === 'lo' || scope !== 'global' || local === undefined
        ? []
        : [{ device: ifname, address: local, length: prefixlen ?? 32 }],
    ),
  )
  const gateways = facts.routes.flatMap(({ dst, gateway, dev }): MachineRoute[] =>
    gateway === undefined || dev === undefined ? [] : [{ to: dst, gateway, device: dev }],
  )
  const uplink = gateways.find(({ to }) => to === 'default')?.device ?? addresses[0]?.device
  if (uplink === undefined)
    throw new Failure('this machine has no address: there is nothing to scan', { exit: EXIT.unavailable })
  const { routes, missing } = waysOut(uplink, addresses, gateways)
  const guests = facts.innocents.filter(({ address }) => !isInside(address, uplink, addresses))
  // A namespace has tunnels of its own that are down, by the same names.
  const links = facts.links.filter(link => isUp(link) && link.ifname !== 'lo' && link.ifname !== uplink)
  const published = publishedIn(rulesOf(facts))
  const machine = {
    ruleset: facts.ruleset,
    iptables: facts.iptables,
    uplink,
    links: links.map(({ ifname, linkinfo, master }) => ({
      name: ifname,
      isBridge: linkinfo?.info_kind === 'bridge',
      ...(master !== undefined && master !== uplink && { master }),
    })),
    addresses,
    routes,
    sysctls: facts.sysctls,
    services: facts.services,
    published: published.slice(0, PUBLISHED_MAX),
    innocents: guests,
  }
  const behind = behindOf(machine)
  return {
    ...machine,
    behind,
    missing: [
      ...missingOf(facts),
      ...missing,
      ...(guests.length < facts.innocents.length ? [INSIDE] : []),
      ...(published.length > PUBLISHED_MAX
        ? [`Ports that rules translate: ${published.length - PUBLISHED_MAX} more.`]
        : []),
      ...(behind === undefined
        ? []
        : [
            `Hosts behind it: stand-ins answer for ${behind.hosts.map(({ address }) => address).join(', ')}.`,
          ]),
    ],
  }
}

/** Whether it is this machine, or on a network of another link: the clone's world is by the uplink. */
function isInside(text: string, uplink: string, addresses: readonly MachineAddress[]): boolean {
  const who = parseAddress(text)
  if (who === undefined) return true
  return addresses.some(({ device, address, length }) => {
    const own = parseAddress(address)
    if (own === undefined || familyOf(own) !== familyOf(who)) return false
    return (
      own === who ||
      (device !== uplink &&
        covers(prefixAround(own, length), prefixAround(who, familyOf(who) === 6 ? 128 : 32)))
    )
  })
}

/** Each family needs one, or nobody's question could be answered. */
function waysOut(uplink: string, addresses: readonly MachineAddress[], routes: readonly MachineRoute[]) {
  const without = ([4, 6] as const).filter(
    family =>
      addresses.some(({ device, address }) => device === uplink && familyOf(address) === family) &&
      !routes.some(({ to, gateway }) => to === 'default' && familyOf(gateway) === family),
  )
  return {
    routes: [
      ...routes,
      ...without.map(family => ({ to: 'default', gateway: NOWHERE[family], device: uplink })),
    ],
    missing: without.map(family => `There is no default route of IPv${family}; the clone has one.`),
  }
}

function isUp({ flags }: LiveFacts['links'][number]): boolean {
  return flags.includes('UP')
}

function rulesOf({ ruleset, iptables }: LiveFacts): string {
  return [ruleset, ...iptables.map(({ text }) => text)].join('\n')
}

function missingOf(facts: LiveFacts): string[] {
  const { links, routes, routingRules, hasLegacyRules } = facts
  const ruleset = rulesOf(facts)
  const odd = links.filter(
    link => isUp(link) && link.ifname !== 'lo' && !CABLES.includes(link.linkinfo?.info_kind),
  )
  const xdp = links.filter(({ xdp }) => xdp !== undefined)
  const kinds = [...new Set(routes.flatMap(({ type }) => type ?? []))]
  const sentences: readonly (readonly [isSo: boolean, text: string])[] = [
    [true, 'Connections: the clone knows none of those that exist.'],
    [true, 'Wires, radios and their drivers: every interface is a virtual cable.'],
    [
      odd.length > 0,
      `Kinds of interfaces: ${odd.map(({ ifname, linkinfo }) => `${ifname} (${linkinfo?.info_kind})`).join(', ')}.`,
    ],
    [xdp.length > 0, `XDP programs: ${xdp.map(({ ifname }) => ifname).join(', ')}.`],
    [kinds.length > 0, `Routes that are ${kinds.join(', ')}.`],
    [routingRules > USUAL_RULES, 'Rules that choose a routing table.'],
    [hasLegacyRules, 'The rules of iptables-legacy.'],
    [
      isHalfPublished(ruleset),
      'Hosts that connections are translated to by rules without one port and one host: nobody answers in their place.',
    ],
    [/\bflowtable\b/.test(ruleset), 'Flowtables: they are loaded, and nothing flows through them.'],
    [/\bflags [^;\n]*\bowner\b/.test(ruleset), 'The owners of tables: they are no program in the clone.'],
    [
      /\bmeta sk[ug]id\b|\bsocket cgroupv2\b|\bmeta cgroup\b|--[ug]id-owner\b|-m cgroup\b/.test(ruleset),
      'Users and cgroups that rules ask for: the services of the clone are of root.',
    ],
  ]
  return sentences.filter(([isSo]) => isSo).map(([, text]) => text)
}
