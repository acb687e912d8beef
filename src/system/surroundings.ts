/** This machine as arm/ wants to know it: from the kernel by netlink and from /proc; the name servers by a thread. */

import {
  type InterfaceAddress,
  NetlinkError,
  ROUTES_MAX,
  readAddresses,
  readLinks,
  readListenPorts,
  WIREGUARD_MAX,
} from 'nfnetlink'
import { BOUND_MAX, type Place } from '../arm/bound.ts'
import { FIRST_LOCAL_PORT } from '../arm/ruleset/matches.ts'
import { CONNECTED_MAX, type ServedPort, type Surroundings } from '../arm/surroundings.ts'
import type { Address } from '../terms/address.ts'
import { addressOf, connected, rereadConnected } from './connected.ts'
import { FLOWS_MAX, flowsInUse, hostsConnected } from './conntrack.ts'
import { interfaceName, isInterface, isWritable } from './interface-name.ts'
import { linesOf } from './lines.ts'
import { homesOf, inOrder, insideOf, onLink6Of } from './links.ts'
import { parseIpvs } from './proc-net.ts'
import { openResolvers } from './resolvers.ts'
import { rereadRoutes, routes } from './routes.ts'
import { SOCKETS_MAX, type Told, WAITING_SOCKETS_MAX, waitingSockets } from './sockets.ts'

const resolvers = openResolvers()

/** What the last reading of each kind could not tell. */
const remarks = new Map<About, string>()

type About = 'connected' | 'served' | 'inUse' | 'doors'

export const surroundings: Surroundings = {
  async reread() {
    await rereadRoutes()
    await rereadConnected()
  },

  rereadResolvers: resolvers.reread,

  neighbourhood() {
    const addresses = readAddresses()
    const { gateways } = routes()
    return {
      own: sorted(addresses.map(({ local }) => local)),
      gateways: sorted([...gateways, ...peersOf(addresses, routes().uplinks)]),
      resolvers: resolvers.known(),
      onLink6: onLink6Of(routes()),
      links: inOrder(homesOf(routes()).map(({ prefix }) => prefix)),
      inside: surroundings.forwards() ? insideOf(routes(), readLinks()) : [],
    }
  },

  served() {
    const found = new Map<string, ServedPort>()
    let told: Told = 'whole'
    for (const protocol of [6, 17] as const) {
      const how = waitingSockets(protocol, ({ local, localPort }) => {
        if (!isLoopback(local)) found.set(`${protocol} ${localPort}`, [protocol, localPort])
        return true
      })
      if (how !== 'whole') told = how
    }
    for (const line of linesOf('/proc/net/ip_vs')) {
      for (const port of parseIpvs(line) ?? []) found.set(port.join(' '), port)
    }
    remark('served', SERVED_REMARKS[told])
    return [...found.values()]
  },

  bound: boundPlaces,

  connected() {
    const { hosts, told } = connected()
    remark('connected', CONNECTED_REMARKS[told])
    return hosts
  },

  async inUse(wanted) {
    const own = readAddresses().map(({ local }) => addressOf(local))
    const { told, ...inUse } = await flowsInUse(own, wanted)
    remark('inUse', IN_USE_REMARKS[told])
    return inUse
  },

  talking: hostsConnected,

  uplinks: () => uplinkNames().filter(isWritable),

  present: names => names.filter(isInterface),

  doors() {
    const { ports, told } = listenPorts()
    remark('doors', DOOR_REMARKS[told])
    return ports.map(port => [17, port])
  },

  balances() {
    for (const line of linesOf('/proc/net/ip_vs')) if (parseIpvs(line) !== undefined) return true
    return false
  },

  forwards() {
    return ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].some(
      name => Number(firstLine(`/proc/sys/net/${name}`)) > 0,
    )
  },

  firstLocalPort() {
    return Math.min(localPorts()[0], FIRST_LOCAL_PORT)
  },

  localPorts,

  remarks: () => [
    ...routes().cut.map(what => ROUTE_REMARKS[what]),
    ...remarks.values(),
    ...resolvers.remarks(),
    ...(surroundings.forwards() ? uplinkNames().filter(name => !isWritable(name)) : []).map(unwritable),
  ],

  uptime() {
    return Number.parseFloat(firstLine('/proc/uptime')) || Number.POSITIVE_INFINITY
  },
}

const ROUTE_REMARKS = {
  gateways: `this machine has more than ${ROUTES_MAX} gateways beside those of its default routes: the others are judged as everybody is; whom you need should stand in \`never\``,
  links: `more than ${ROUTES_MAX} networks of one family lie on links of this machine: of the others, IPv6 hosts stick by their /64, and whoever forges their addresses on another link is believed`,
}
const SERVED_REMARKS: Readonly<Record<Told, string | undefined>> = {
  whole: undefined,
  cut: `more than ${WAITING_SOCKETS_MAX} sockets wait for packets: ports of the others are remembered only once they are used`,
  untold:
    'neither sock_diag nor /proc/net tells which ports are served: they are remembered only once they are used',
}
const CONNECTED_REMARKS: Readonly<Record<Told, string | undefined>> = {
  whole: undefined,
  cut: `more than ${CONNECTED_MAX} hosts, or ${SOCKETS_MAX} connections: whoever else is connected is known only as long as data goes to him; whom you need should stand in \`never\``,
  untold:
    'neither sock_diag nor /proc/net tells who is connected: whoever is, is known only as long as data goes to him',
}

const IN_USE_REMARKS: Readonly<Record<Told, string | undefined>> = {
  whole: undefined,
  cut: `conntrack knows more than ${FLOWS_MAX} connections, or more hosts than \`peers\` under [sizes]: with whom the others are counts as in use only as long as new ones are opened; whom you need should stand in \`never\``,
  untold:
    'the kernel does not tell which connections live (nf_conntrack_netlink): a host counts as in use only as long as new connections to it are opened; whom you need should stand in `never`',
}

const DOOR_REMARKS: Readonly<Record<Told, string | undefined>> = {
  whole: undefined,
  cut: `this machine has more than ${WIREGUARD_MAX} WireGuard interfaces: the ports of the others are shut for whoever sticks`,
  untold:
    'the kernel does not tell at which ports its WireGuard interfaces listen: they are shut for whoever sticks',
}

function listenPorts(): { readonly ports: readonly number[]; readonly told: Told } {
  try {
    const { ports, isCut } = readListenPorts()
    return { ports, told: isCut ? 'cut' : 'whole' }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    return { ports: [], told: 'untold' }
  }
}

function unwritable(name: string): string {
  return `no rule can name the interface ${name} of a default route (a quotation mark, an asterisk at its end, or no UTF-8): what is sent on from inside by it counts as everybody's and is lost to whoever sticks, and with closed = "unaccepted" nothing that comes in by it is watched. Rename it: ip link set dev OLD name NEW`
}

function remark(what: About, text: string | undefined): void {
  if (text === undefined) remarks.delete(what)
  else remarks.set(what, text)
}

/** The names of the interfaces of the default routes. */
function uplinkNames(): readonly string[] {
  return routes().uplinks.flatMap(index => interfaceName(index) ?? [])
}

/** A default route by a point-to-point link (PPP, tunnels) has no gateway: it is the other end. */
function peersOf(addresses: readonly InterfaceAddress[], uplinks: readonly number[]): Uint8Array[] {
  return addresses.flatMap(({ device, peer }) => (peer !== undefined && uplinks.includes(device) ? peer : []))
}

function sorted(addresses: readonly Uint8Array[]): Address[] {
  return [...new Set(addresses.map(addressOf))].sort()
}

/** A port that some socket takes by any address, by a multicast address or by IPVS counts as listening everywhere. */
function boundPlaces(): readonly Place[] {
  const places = new Map<string, Place[]>()
  const everywhere = new Set<string>()
  let count = 0
  let told: Told = 'whole'
  for (const protocol of [6, 17] as const) {
    const how = waitingSockets(protocol, ({ local, localPort }) => {
      const key = `${protocol} ${localPort}`
      if (isAny(local)) everywhere.add(key)
      else if (!isLoopback(local)) {
        const those = places.get(key) ?? []
        places.set(key, those)
        those.push([addressOf(local), protocol, localPort])
        count += 1
      }
      return count <= BOUND_MAX
    })
    if (how !== 'whole') told = how
  }
  for (const line of linesOf('/proc/net/ip_vs'))
    for (const port of parseIpvs(line) ?? []) everywhere.add(port.join(' '))
  if (told !== 'whole' || count > BOUND_MAX) return []
  return [...places].flatMap(([key, those]) => (everywhere.has(key) ? [] : those))
}

/** Unspecified or multicast, of both families, mapped ones too. */
function isAny(address: Uint8Array): boolean {
  const text = addressOf(address)
  return text === '::' || text.startsWith('0.') || /^(?:ff|2(?:2[4-9]|[3-5]\d)\.)/.test(text)
}

/** Who listens here serves nobody else: for others the port is closed. 127.0.0.0/8, also in an IPv6 socket, and ::1. */
function isLoopback(address: Uint8Array): boolean {
  const text = addressOf(address)
  return text === '::1' || text.startsWith('127.')
}

function localPorts(): [number, number] {
  const [first, last] = firstLine('/proc/sys/net/ipv4/ip_local_port_range').split(/\s+/)
  return [Number(first) || FIRST_LOCAL_PORT, Number(last) || 65_535]
}

function firstLine(path: string): string {
  for (const line of linesOf(path)) return line
  return ''
}
