/** What of a machine is cloned, and how its clone is made. Pure. */
import type { Family } from '../terms/address.ts'
import type { Behind, Published } from './behind.ts'
import { MAC, OUTSIDE } from './clone.ts'
import type { ListedTable } from './listing.ts'
import type { Service } from './scans.ts'

export interface Machine {
  /** nft's text, as `nft -s list ruleset` writes it. */
  readonly ruleset: string
  /** What nft cannot load. */
  readonly iptables?: readonly IptablesRules[]
  /** The interface by which the world is reached. */
  readonly uplink: string
  /** All interfaces but the uplink and `lo`. */
  readonly links: readonly MachineLink[]
  readonly addresses: readonly MachineAddress[]
  /** Those with a gateway. */
  readonly routes: readonly MachineRoute[]
  /** Paths below /proc/sys/. */
  readonly sysctls: Readonly<Record<string, string>>
  readonly services: readonly Service[]
  /** Ports at which others answer. */
  readonly published?: readonly Published[]
  readonly behind?: Behind | undefined
  /** Who has a connection with it now. */
  readonly innocents: readonly Innocent[]
  /** What cannot be cloned, each a sentence. */
  readonly missing: readonly string[]
}

/** Rules of iptables, of its nft variant or of the legacy one. */
export interface IptablesRules {
  /** The program that loads them. */
  readonly restore: string
  readonly text: string
  /** As nft lists it: what the clone has is to be listed alike, as far as nft sees it. */
  readonly table?: ListedTable
}

export interface MachineLink {
  readonly name: string
  readonly isBridge: boolean
  /** The bridge, or the like, that it is a port of. */
  readonly master?: string
}

export interface MachineAddress {
  readonly device: string
  readonly address: string
  readonly length: number
}

export interface MachineRoute {
  /** A prefix, or `default`. */
  readonly to: string
  readonly gateway: string
  readonly device: string
}

export interface Innocent {
  readonly address: string
  readonly service: Service
  readonly who: string
}

/** Where the gate is reached, and where from: one for each family that the machine has. */
export interface Target {
  readonly family: Family
  readonly address: string
}

/** What is known of a machine that is nowhere: addresses of both families by documentation prefixes (RFC 5737, 3849). */
export function machineOf(ruleset: string, services: readonly Service[], uplink: string): Machine {
  return {
    ruleset,
    uplink,
    links: [],
    addresses: [
      { device: uplink, address: '192.0.2.1', length: 24 },
      { device: uplink, address: '2001:db8:1::1', length: 64 },
    ],
    routes: [
      { to: 'default', gateway: '192.0.2.254', device: uplink },
      { to: 'default', gateway: '2001:db8:1::fe', device: uplink },
    ],
    sysctls: {},
    services,
    innocents: [],
    missing: [],
  }
}

export function targetsOf({ addresses, uplink }: Machine): readonly Target[] {
  return ([4, 6] as const).flatMap(family => {
    const own = addresses.find(one => one.device === uplink && familyOf(one.address) === family)
    return own === undefined ? [] : { family, address: own.address }
  })
}

/** Packets from these sources are nobody's; from the others, local ones outside, the clients of the proof come. */
export const SOURCES = {
  4: {
    scanner: (i: number) => `198.18.${i >> 8}.${i & 255}`,
    client: (i: number) => `198.19.${i >> 8}.${i & 255}`,
  },
  // A /48 each: networks of one line that offend together count together.
  6: { scanner: (i: number) => v6(0x1000 + i), client: (i: number) => v6(0x8000 + i) },
} as const
export const CLIENTS = ['198.19.0.0/16', '2001:db8:8000::/33'] as const

function v6(block: number): string {
  return `2001:db8:${block.toString(16)}::1`
}

/** `ip -batch` for the clone; its gateway on each network of the uplink is outside. */
export function gateLines({ uplink, links, addresses, routes }: Machine): string[] {
  return [
    ...links.flatMap(({ name, isBridge }, i) => [
      ...(isBridge ? [`link add ${name} type bridge`] : []),
      `link add ${isBridge ? `flyp${i}` : name} type veth peer name flyq${i}`,
      ...(isBridge ? [`link set flyp${i} master ${name} up`] : []),
      `link set ${name} up`,
      `link set flyq${i} up`,
    ]),
    ...links.flatMap(({ name, master }) =>
      links.some(one => one.name === master && one.isBridge) ? [`link set ${name} master ${master}`] : [],
    ),
    ...addresses.map(
      ({ device, address, length }) => `address add ${address}/${length} dev ${device}${nodad(address)}`,
    ),
    ...uplinkGateways(routes, uplink).map(
      gateway => `neighbour replace ${gateway} dev ${uplink} lladdr ${MAC.outside} nud permanent`,
    ),
    ...routes.map(
      ({ to, gateway, device }) =>
        `route replace ${to} via ${gateway} dev ${device}${device === uplink ? ' onlink' : ''}`,
    ),
  ]
}

export function outsideLines(machine: Machine): string[] {
  const { routes, uplink } = machine
  return [
    ...uplinkGateways(routes, uplink).map(
      gateway => `address add ${gateway}/${gateway.includes(':') ? 128 : 32} dev ${OUTSIDE}${nodad(gateway)}`,
    ),
    ...targetsOf(machine).flatMap(({ address }) => [
      `route replace ${address} dev ${OUTSIDE}`,
      `neighbour replace ${address} dev ${OUTSIDE} lladdr ${MAC.gate} nud permanent`,
    ]),
    ...(machine.behind?.hosts ?? []).flatMap(({ address }) => {
      const via = targetsOf(machine).find(({ family }) => family === familyOf(address))
      return via === undefined ? [] : `route replace ${address} via ${via.address} dev ${OUTSIDE} onlink`
    }),
    ...CLIENTS.map(prefix => `route replace local ${prefix} dev lo`),
    ...machine.innocents.map(
      ({ address }) =>
        `address replace ${address}/${address.includes(':') ? 128 : 32} dev ${OUTSIDE}${nodad(address)}`,
    ),
  ]
}

/** The cable's other end of that interface, which a stand-in behind the machine gets. */
export function otherEnd({ links }: Machine, device: string): string {
  return `flyq${links.findIndex(({ name }) => name === device)}`
}

/** A shell script, its arguments paths and values in turn: what a namespace inherits from the machine is set, too. */
export const SYSCTL_SCRIPT = `while [ $# -gt 0 ]; do
  [ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"
  shift 2
done`

export const BARE_SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv6/conf/all/forwarding': '0',
  // Else the kernel's patience would hide that a closed port of UDP answers.
  'net/ipv4/icmp_ratelimit': '0',
  'net/ipv6/icmp/ratelimit': '0',
  ...Object.fromEntries(
    ['all', 'default'].flatMap(scope => [
      [`net/ipv4/conf/${scope}/rp_filter`, '0'],
      [`net/ipv6/conf/${scope}/accept_dad`, '0'],
      [`net/ipv6/conf/${scope}/accept_ra`, '0'],
      [`net/ipv6/conf/${scope}/router_solicitations`, '0'],
    ]),
  ),
}

/** Clients speak from addresses that are not on an interface. */
export const OUTSIDE_SYSCTLS: Readonly<Record<string, string>> = {
  ...BARE_SYSCTLS,
  'net/ipv4/ip_nonlocal_bind': '1',
  'net/ipv6/ip_nonlocal_bind': '1',
}

function uplinkGateways(routes: readonly MachineRoute[], uplink: string): string[] {
  return [...new Set(routes.filter(({ device }) => device === uplink).map(({ gateway }) => gateway))]
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : ''
}
