/** This machine as arm/ wants to know it: from the kernel by netlink, from /proc, and from resolv.conf. */
import { FIRST_LOCAL_PORT } from '../arm/ruleset/spec.ts'
import { CONNECTED_MAX, type ServedPort, type Surroundings } from '../arm/surroundings.ts'
import { formatIPv6 } from '../decode/address.ts'
import { type Address, overlaps, parsePrefix } from '../terms/address.ts'
import { addressOf, connected, rereadConnected } from './connected.ts'
import { interfaceName } from './interface-name.ts'
import { linesOf } from './lines.ts'
import { type InterfaceAddress, ROUTES_MAX, readAddresses } from './nfnetlink/index.ts'
import { parseIpvs, parseResolver } from './proc-net.ts'
import { rereadRoutes, routes } from './routes.ts'
import { SOCKETS_MAX, type Told, WAITING_SOCKETS_MAX, waitingSockets } from './sockets.ts'

const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']
/** Not a network of hosts: link-local and multicast. */
const NO_NETWORKS = ['fe80::/10', 'ff00::/8'].map(text => parsePrefix(text)!)

/** What the last reading of each kind could not tell. */
const remarks = new Map<'connected' | 'served', string>()

export const surroundings: Surroundings = {
  async reread() {
    await rereadRoutes()
    await rereadConnected()
  },

  neighbourhood() {
    const addresses = readAddresses()
    const { gateways, onLink6 } = routes()
    return {
      own: sorted(addresses.map(({ local }) => local)),
      gateways: sorted([...gateways, ...peersOf(addresses, routes().uplinks)]),
      resolvers: RESOLV_CONFS.flatMap(path => [...linesOf(path)].flatMap(line => parseResolver(line) ?? [])),
      onLink6: onLink6
        .flatMap(({ address, length }) => parsePrefix(`${formatIPv6(address, 0)}/${length}`) ?? [])
        .filter(prefix => prefix.family === 6 && !NO_NETWORKS.some(network => overlaps(network, prefix)))
        .sort((one, other) => (one.text < other.text ? -1 : 1)),
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
      const port = parseIpvs(line)?.port
      if (port !== undefined) found.set(port.join(' '), port)
    }
    remark('served', SERVED_REMARKS[told])
    return [...found.values()]
  },

  connected() {
    const { hosts, told } = connected()
    remark('connected', CONNECTED_REMARKS[told])
    return hosts
  },

  uplinks: uplinkNames,

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
    const [first] = firstLine('/proc/sys/net/ipv4/ip_local_port_range').split(/\s+/)
    return Math.min(Number(first) || FIRST_LOCAL_PORT, FIRST_LOCAL_PORT)
  },

  remarks: () => [...routes().cut.map(what => ROUTE_REMARKS[what]), ...remarks.values()],

  uptime() {
    return Number.parseFloat(firstLine('/proc/uptime')) || Number.POSITIVE_INFINITY
  },
}

const ROUTE_REMARKS = {
  gateways: `this machine has more than ${ROUTES_MAX} gateways beside those of its default routes: the others are judged as everybody is; whom you need should stand in \`never\``,
  onLink6: `more than ${ROUTES_MAX} IPv6 networks lie on links of this machine: hosts of the others stick by their /64`,
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

function remark(what: 'connected' | 'served', text: string | undefined): void {
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

/** Who listens here serves nobody else: for others the port is closed. 127.0.0.0/8, also in an IPv6 socket, and ::1. */
function isLoopback(address: Uint8Array): boolean {
  const text = addressOf(address)
  return text === '::1' || text.startsWith('127.')
}

function firstLine(path: string): string {
  for (const line of linesOf(path)) return line
  return ''
}
