/**
 * A capture file becomes a script: whom the trap protects, what is sent from which side, which ports are open, and what cannot be
 * played. Pure and total.
 */
import type { Tried } from '../decode/packet.ts'
import { type Fault, type Frame, readCaptureFile } from './capture-file.ts'
import { type Datagram, datagramOf, mended } from './datagram.ts'
import { type Flows, openFlows } from './flows.ts'
import { ipOf } from './link-layer.ts'
import type { Service } from './scans.ts'

/** Packets that are played, and their bytes; what is beyond is counted. */
export const PACKETS_MAX = 20_000
export const BYTES_MAX = 67_108_864
/** Addresses that are told apart. */
export const HOSTS_MAX = 65_536
/** Ports of each protocol that listen. */
export const LISTENERS_MAX = 400
/** Addresses that one protected host has. */
export const OWN_MAX = 16

export interface Line {
  /** Of the file, from 1. */
  readonly number: number
  /** Milliseconds since the first packet of the file. */
  readonly at: number
  /** Whether the protected host sent it. */
  readonly isOut: boolean
  readonly bytes: Buffer
  readonly source: string
  readonly tried: Tried | undefined
}

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

export interface Script {
  /** The addresses of the protected host. */
  readonly own: readonly string[]
  readonly lines: readonly Line[]
  readonly packets: { readonly in: number; readonly out: number }
  /** Who sent it something. */
  readonly hosts: number
  /** Ports of it that answered. */
  readonly services: readonly Service[]
  /** Those beyond LISTENERS_MAX. */
  readonly unheard: number
  /** The range of the ports from which it calls others: Linux' own, or wider where it called by TCP from another. */
  readonly callsFrom: { readonly least: number; readonly most: number }
  readonly flows: Flows
  readonly left: Left
  readonly fragments: number
  /** Of which the file has not all: their data are zeros. */
  readonly made: number
  /** Most checksums of what came in were wrong: all are made anew. */
  readonly isOffloaded: boolean
  /** The busiest host of those packets that are left out as `elsewhere`. */
  readonly other: { readonly host: string; readonly packets: number } | undefined
  readonly fault: Fault | undefined
}

/** Why a file cannot be played: a sentence without its full stop. */
export interface Unplayable {
  readonly unplayable: string
}

/** @param as the addresses of the protected host; empty: the busiest */
export function scriptOf(file: Buffer, as: readonly string[]): Script | Unplayable {
  const traffic = trafficOf(file)
  if (traffic.fault?.isRefused) return { unplayable: traffic.fault.why }
  const busiest = traffic.busiest()
  if (busiest === undefined)
    return { unplayable: `no host in it can be played${nothingBecause(traffic.left, traffic.frames)}` }
  const own = as.length > 0 ? as : [busiest]
  const missing = own.every(address => !traffic.has(address))
  if (missing) return { unplayable: `${own.join(', ')} is not in it; the busiest is ${busiest}` }
  const script = played(file, own, traffic)
  const others = script.other === undefined ? '' : `; try --as ${script.other.host}`
  if (script.packets.in > 0) return script
  return { unplayable: `nothing comes to ${own.join(', ')} in it, so nobody could stick${others}` }
}

function nothingBecause(left: Left, frames: number): string {
  if (frames === 0) return ': it has no packets'
  const links = [...left.links.keys()]
  if (links.length > 0) return `: the link type ${links.join(', ')} is not understood`
  return `: of ${frames} packets ${left.notIp} are not IP, ${left.cut} are cut off in their headers, ${left.damaged} are damaged; the others are of loopback or of no host`
}

interface Traffic {
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

function trafficOf(file: Buffer): Traffic {
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

function nothingLeft(): Left {
  return { notIp: 0, links: new Map(), cut: 0, damaged: 0, elsewhere: 0, beyond: 0 }
}

function packetIn({ link, bytes }: Frame, left: Left): Datagram | undefined {
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

function played(file: Buffer, own: readonly string[], { fault }: Traffic): Script {
  const left = nothingLeft()
  const lines: Line[] = []
  const ports = openPorts()
  const flows = openFlows()
  const [hosts, others] = [new Set<string>(), new Map<string, number>()]
  const sums = { sound: 0, wrong: 0 }
  let [bytes, fragments, made, last] = [0, 0, 0, 0]
  let began: number | undefined
  readCaptureFile(file, frame => {
    began ??= frame.at
    last = Math.max(last, (frame.at ?? 0) - (began ?? 0))
    const packet = packetIn(frame, left)
    if (packet === undefined) return
    const { source, destination, tried, isFragment } = packet
    const isOut = own.includes(source)
    if (!isOut && !own.includes(destination) && !isGroup(destination)) {
      left.elsewhere += 1
      for (const host of [source, destination])
        if (others.size < HOSTS_MAX || others.has(host)) others.set(host, (others.get(host) ?? 0) + 1)
      return
    }
    if (lines.length === PACKETS_MAX || bytes + packet.bytes.length > BYTES_MAX) {
      left.beyond += 1
      return
    }
    if (isFragment) fragments += 1
    if (packet.isMade) made += 1
    if (!isOut && packet.isSound !== undefined) sums[packet.isSound ? 'sound' : 'wrong'] += 1
    if (!isOut && hosts.size < HOSTS_MAX) hosts.add(source)
    if (tried !== undefined) {
      flows.see(isOut ? destination : source, tried, isOut)
      ports.see(tried, isOut)
    }
    bytes += packet.bytes.length
    lines.push({ number: frame.number, at: last, isOut, bytes: packet.bytes, source, tried })
  })
  // Where most are wrong, a network card was to fill them in: nobody sent them so. The kernel looks at those that come in.
  const isOffloaded = sums.wrong > sums.sound
  const out = lines.filter(({ isOut }) => isOut).length
  const [other] = [...others].filter(([host]) => isHost(host)).sort(([, a], [, b]) => b - a)
  return {
    own,
    lines: isOffloaded
      ? lines.map(line => (line.isOut ? line : { ...line, bytes: mended(line.bytes) }))
      : lines,
    packets: { in: lines.length - out, out },
    hosts: hosts.size,
    ...ports.all(),
    flows,
    left,
    fragments,
    made,
    isOffloaded,
    other: other && { host: other[0], packets: other[1] },
    fault,
  }
}

const [SYN, ACK, RST] = [2, 16, 4]
/** Linux' own range of the ports from which it calls, ip(7). */
export const CALLS = { least: 32_768, most: 60_999 } as const
/** Up to here ports are of services (RFC 6335: system ports). */
const SERVICE_PORTS = 1_023

/** Which ports answered, and from which it called. */
function openPorts() {
  const first = new Map<string, { readonly service: Service; readonly isAsked: boolean }>()
  const answered = new Map<string, Service>()
  const calls: number[] = []
  return {
    see(tried: Tried, isOut: boolean): void {
      if (tried.kind !== 'tcp' && tried.kind !== 'udp') return
      const port = isOut ? tried.from : tried.port
      if (port === undefined || port === 0) return
      const service: Service = { protocol: tried.kind, port }
      const key = `${tried.kind} ${port}`
      if (!first.has(key)) first.set(key, { service, isAsked: !isOut })
      if (!isOut) return
      const flags = tried.kind === 'tcp' ? tried.flags : 0
      const isOpen = tried.kind === 'udp' || ((flags & SYN) !== 0 && (flags & ACK) !== 0)
      if (isOpen) answered.set(key, service)
      if (tried.kind === 'tcp' && isCall(flags, port, tried.port)) calls.push(port)
    },
    all() {
      // Whoever was asked first is a service; what asked first may be a client's port.
      const keys = [...answered.keys()]
      const sorted = [
        ...keys.filter(key => first.get(key)!.isAsked),
        ...keys.filter(key => !first.get(key)!.isAsked),
      ]
      const heard = (['tcp', 'udp'] as const).flatMap(protocol =>
        sorted
          .map(key => answered.get(key)!)
          .filter(service => service.protocol === protocol)
          .slice(0, LISTENERS_MAX),
      )
      const least = calls.reduce((one, other) => Math.min(one, other), CALLS.least)
      const most = calls.reduce((one, other) => Math.max(one, other), CALLS.most)
      return {
        services: heard,
        unheard: answered.size - heard.length,
        callsFrom: { least, most },
      }
    },
  }
}

/** A connection of its own begins, or one to a service goes on that began before the file. */
function isCall(flags: number, from: number, to: number): boolean {
  if ((flags & RST) !== 0) return false
  const isService = to <= SERVICE_PORTS && from > SERVICE_PORTS
  return (flags & SYN) === 0 ? isService && (flags & ACK) !== 0 : (flags & ACK) === 0
}

/** Whether an address can be a machine's, or that of somebody who sends to it. */
export function isHost(address: string): boolean {
  if (address.includes(':')) return !/^(::1?$|::ffff:|ff|fe[89ab])/.test(address)
  const first = Number(address.split('.')[0])
  return first > 0 && first !== 127 && first < 224
}

/** Multicast and broadcast: for all who listen. */
function isGroup(address: string): boolean {
  return address.includes(':') ? address.startsWith('ff') : Number(address.split('.')[0]) >= 224
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/.test(address)
}
