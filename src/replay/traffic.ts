/** Who talks in a capture file, and what of it is no IP packet that could be sent again. Pure and total. */
import { type Fault, type Frame, readCaptureFile } from './capture-file.ts'
import { type Datagram, datagramOf } from './datagram.ts'
import { ipOf } from './link-layer.ts'

/** Addresses that are told apart. */
export const HOSTS_MAX = 65_536
/** What of the file is not played, in packets. */
export interface Left {
  /** ARP and the like. */
  notIp: number
  /** Of link types that are not understood, by their number. */
  readonly links: Map<number, number>
  /** Snap lengths that end in the headers. */
  cut: number
  damaged: number
  /** Neither from nor to the protected host. */
  elsewhere: number
  beyond: number
}

export interface Traffic {
  readonly fault: Fault | undefined
  readonly frames: number
  readonly left: Left
  has(address: string): boolean
  busiest(): string | undefined
}

interface Talk {
  packets: number
  sent: number
  readonly peers: Set<string>
}

/** Of one host as many are told apart as decide who is busier. */
const PEERS_MAX = 256

export function trafficOf(file: Buffer): Traffic {
  const hosts = new Map<string, Talk>()
  const left = nothingLeft()
  let frames = 0
  const count = (address: string, other: string, isSource: boolean) => {
    const known = hosts.get(address)
    if (known === undefined && (hosts.size === HOSTS_MAX || !isHost(address))) return
    const talk = known ?? { packets: 0, sent: 0, peers: new Set() }
    talk.packets += 1
    if (isSource) talk.sent += 1
    if (talk.peers.size < PEERS_MAX) talk.peers.add(other)
    hosts.set(address, talk)
  }
  const fault = readCaptureFile(file, frame => {
    frames += 1
    const packet = packetIn(frame, left)
    if (packet === undefined) return
    count(packet.source, packet.destination, true)
    count(packet.destination, packet.source, false)
  })
  return {
    fault,
    frames,
    left,
    has: address => hosts.has(address),
    busiest: () =>
      [...hosts]
        .filter(([address, { sent }]) => sent > 0 || !address.endsWith('.255'))
        .sort(
          ([one, a], [other, b]) =>
            b.packets - a.packets ||
            // To whom nothing came, nobody could stick.
            Number(b.packets > b.sent) - Number(a.packets > a.sent) ||
            b.peers.size - a.peers.size ||
            Number(isPrivate(other)) - Number(isPrivate(one)),
        )[0]?.[0],
  }
}

export function nothingLeft(): Left {
  return { notIp: 0, links: new Map(), cut: 0, damaged: 0, elsewhere: 0, beyond: 0 }
}

export function packetIn({ link, bytes }: Frame, left: Left): Datagram | undefined {
  const ip = ipOf(link, bytes)
  if (ip === 'link') {
    left.links.set(link, (left.links.get(link) ?? 0) + 1)
    return undefined
  }
  if (ip === 'not-ip') left.notIp += 1
  if (ip === 'cut') left.cut += 1
  if (typeof ip === 'string') return undefined
  const packet = datagramOf(ip)
  if (typeof packet !== 'string') return packet
  left[packet] += 1
  return undefined
}

/** Whether an address can be a machine's, or that of somebody who sends to it. */
export function isHost(address: string): boolean {
  if (address.includes(':')) return !/^(::1?$|::ffff:|ff|fe[89ab])/.test(address)
  const first = Number(address.split('.')[0])
  return first > 0 && first !== 127 && first < 224
}

/** Multicast and broadcast: for all who listen. */
export function isGroup(address: string): boolean {
  return address.includes(':') ? address.startsWith('ff') : Number(address.split('.')[0]) >= 224
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/.test(address)
}
