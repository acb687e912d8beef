/** Readers of the tables under /proc/net (proc(5), and the seq_show functions that write them). Pure. */
import { type Address, type Prefix, parseAddress, parsePrefix } from '../terms/address.ts'

export interface Socket {
  readonly state: 'established' | 'listen' | 'other'
  readonly local: Address | undefined
  readonly localPort: number
  readonly remote: Address | undefined
  readonly remotePort: number
}

/** States of include/net/tcp_states.h. An unconnected UDP socket is in state 07. */
const STATES: Record<string, Socket['state']> = { '01': 'established', '0A': 'listen', '07': 'listen' }

/** /proc/net/{tcp,tcp6,udp,udp6}: `sl local_address rem_address st …`, addresses as host-endian words in hex. */
export function parseSockets(table: string): Socket[] {
  return rows(table).flatMap(([, local, remote, state]) => {
    const [localHex, localPort] = local?.split(':') ?? []
    const [remoteHex, remotePort] = remote?.split(':') ?? []
    if (
      localHex === undefined ||
      localPort === undefined ||
      remoteHex === undefined ||
      remotePort === undefined ||
      state === undefined
    )
      return []
    return {
      state: STATES[state] ?? 'other',
      local: addressOfWords(localHex),
      localPort: Number.parseInt(localPort, 16),
      remote: addressOfWords(remoteHex),
      remotePort: Number.parseInt(remotePort, 16),
    }
  })
}

/** /proc/net/route: the gateways. Column 3 is the gateway, a host-endian word. */
export function parseGateways4(table: string): Address[] {
  return rows(table).flatMap(([, , gateway]) => known(addressOfWords(gateway ?? '')))
}

/** /proc/net/route: the interfaces of the routes to 0.0.0.0/0. Columns 1, 2 and 8 are interface, destination and mask. */
export function parseDefaultDevices4(table: string): string[] {
  return rows(table).flatMap(([device, destination, , , , , , mask]) =>
    device !== undefined && destination === '00000000' && mask === '00000000' ? device : [],
  )
}

export interface Route6 {
  readonly prefix: Prefix
  readonly gateway: Address | undefined
  readonly device: string
}

/** /proc/net/ipv6_route: destination, length, source, length, next hop, …, device; addresses in network order. */
export function parseRoutes6(table: string): Route6[] {
  return lines(table).flatMap(line => {
    const [destination = '', length = '', , , gateway = '', , , , , device = ''] = line.trim().split(/\s+/)
    const prefix = parsePrefix(`${addressOfBytes(destination) ?? ''}/${Number.parseInt(length, 16)}`)
    return prefix === undefined ? [] : { prefix, gateway: known(addressOfBytes(gateway))[0], device }
  })
}

/** /proc/net/ip_vs: `TCP  C0A80101:0050 rr`, a service that IPVS takes before any socket is asked. */
export function parseIpvs(table: string): [protocol: number, port: number][] {
  return [...table.matchAll(/^(TCP|UDP)\s+\S*:([0-9A-F]{4})\s/gm)].map(([, protocol, port]) => [
    protocol === 'TCP' ? 6 : 17,
    Number.parseInt(port!, 16),
  ])
}

/** The numbers of the queues to which a program listens: the first column of nfnetlink_queue. */
export function parseQueues(table: string): number[] {
  return [...table.matchAll(/^ *(\d+) /gm)].map(([, number]) => Number(number))
}

/** resolv.conf(5): the name servers. */
export function parseResolvers(text: string): Address[] {
  return [...text.matchAll(/^\s*nameserver\s+([^\s%#;]+)/gm)].flatMap(([, name]) => parseAddress(name!) ?? [])
}

function lines(table: string): string[] {
  return table.split('\n').filter(line => line.trim() !== '')
}

function rows(table: string): string[][] {
  return lines(table)
    .slice(1)
    .map(line => line.trim().split(/\s+/))
}

function known(address: Address | undefined): Address[] {
  return address === undefined || address === '0.0.0.0' || address === '::' ? [] : [address]
}

function addressOfWords(hex: string): Address | undefined {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return undefined
  // Every machine that Node runs on under Linux is little-endian, but for s390x.
  return addressOfBytes(hex.replace(/.{8}/g, word => word.match(/../g)!.reverse().join('')))
}

function addressOfBytes(hex: string): Address | undefined {
  if (hex.length === 8)
    return parseAddress(
      hex
        .match(/../g)!
        .map(byte => Number.parseInt(byte, 16))
        .join('.'),
    )
  return hex.length === 32 ? parseAddress(hex.match(/.{4}/g)!.join(':')) : undefined
}
