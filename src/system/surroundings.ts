/** This machine as arm/ wants to know it, read from /proc, resolv.conf and the interfaces. */
import { networkInterfaces } from 'node:os'
import type { ServedPort, Surroundings } from '../arm/surroundings.ts'
import { type Address, overlaps, parseAddress, parsePrefix } from '../terms/address.ts'
import { isIn } from '../terms/prefix-set.ts'
import { readText } from './files.ts'
import {
  parseDefaultDevices4,
  parseGateways4,
  parseIpvs,
  parseResolvers,
  parseRoutes6,
  parseSockets,
} from './proc-net.ts'

const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']
/** Who listens here serves nobody else: for others the port is closed. */
const LOOPBACK = ['127.0.0.0/8', '::1'].map(text => parsePrefix(text)!)
/** Not a network of hosts: link-local and multicast. */
const NO_NETWORKS = ['fe80::/10', 'ff00::/8'].map(text => parsePrefix(text)!)

export const surroundings: Surroundings = {
  neighbourhood() {
    const routes6 = parseRoutes6(read('/proc/net/ipv6_route'))
    return {
      own: ownAddresses(),
      gateways: [
        ...parseGateways4(read('/proc/net/route')),
        ...routes6.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway])),
      ],
      resolvers: RESOLV_CONFS.flatMap(path => parseResolvers(read(path))),
      onLink6: routes6
        .filter(
          ({ prefix, gateway, device }) =>
            gateway === undefined && device !== 'lo' && prefix.length > 0 && prefix.length < 128,
        )
        .map(({ prefix }) => prefix)
        .filter(prefix => !NO_NETWORKS.some(network => overlaps(network, prefix))),
    }
  },

  served() {
    const of = (protocol: 'tcp' | 'udp'): ServedPort[] =>
      ['', '6'].flatMap(version =>
        parseSockets(read(`/proc/net/${protocol}${version}`))
          .filter(({ state, local }) => state === 'listen' && !(local !== undefined && isIn(local, LOOPBACK)))
          .map(({ localPort }) => [protocol === 'tcp' ? 6 : 17, localPort] as const),
      )
    const all = [...of('tcp'), ...of('udp'), ...parseIpvs(read('/proc/net/ip_vs'))]
    return [...new Map(all.map(port => [port.join(' '), port])).values()]
  },

  connected() {
    const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => parseSockets(read(path)))
    const remotes = sockets
      .filter(({ state }) => state === 'established')
      .flatMap(({ remote }) => remote ?? [])
    return [...new Set(remotes)]
  },

  uplinks: uplinkNames,

  balances() {
    return /^(TCP|UDP|SCTP|FWM)\s/m.test(read('/proc/net/ip_vs'))
  },

  forwards() {
    return ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].some(
      name => Number(read(`/proc/sys/net/${name}`)) > 0,
    )
  },

  uptime() {
    return Number.parseFloat(read('/proc/uptime')) || Number.POSITIVE_INFINITY
  },
}

/** The interfaces of the default routes. */
export function uplinkNames(): readonly string[] {
  const devices = [
    ...parseDefaultDevices4(read('/proc/net/route')),
    ...parseRoutes6(read('/proc/net/ipv6_route'))
      .filter(({ prefix, device }) => prefix.length === 0 && device !== 'lo')
      .map(({ device }) => device),
  ]
  return [...new Set(devices)]
}

function ownAddresses(): Address[] {
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .flatMap(({ address }) => parseAddress(address.replace(/%.*/, '')) ?? [])
}

/** Empty when there is no such file: a kernel without IPv6 or IPVS has none. */
function read(path: string): string {
  const file = readText(path)
  return 'text' in file ? file.text : ''
}
