/**
 * Packets for a raw socket, and what comes back to one: written apart from src/decode, which they help to test.
 *
 * Layouts: RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP), 792 and 4443 (ICMP), 1071 (checksum).
 */
import ipaddr from 'ipaddr.js'

export type Carries =
  | {
      readonly tcp: number
      readonly from?: number
      readonly flags?: number
      readonly data?: string
      /** With a wrong checksum. */
      readonly damaged?: boolean
    }
  | { readonly udp: number; readonly from?: number; readonly data?: string }
  /** ICMP, or ICMPv6 between IPv6 addresses. */
  | {
      readonly icmp: number
      readonly code?: number
      readonly data?: string
      /** The second word of the header: the MTU of a packet that was too big. */
      readonly word?: number
      /** The packet that an ICMP error is about. */
      readonly about?: Outgoing
    }
  | { readonly protocol: number; readonly data?: string }

/** A packet to send: addresses as text, ports and types as numbers, data as text. */
export type Outgoing = {
  readonly source: string
  readonly destination: string
  /** Of IPv6: destination options before what it carries, a header for each number: its bytes, a multiple of 8 up to 2,048. */
  readonly options?: number | readonly number[]
  /** A fragment: these bytes alone of what follows the IP header, from a multiple of 8 on. */
  readonly piece?: readonly [from: number, to: number]
  /** Of IPv4: a later fragment, so many bytes behind the head of the whole. */
  readonly offset?: number
} & Carries

/** A packet that came: `kind` is what a scanner makes of it. `port` is the source port of TCP and UDP. */
export interface Incoming {
  readonly source: string
  readonly destination: string
  readonly kind: 'syn-ack' | 'rst' | 'tcp' | 'udp' | 'icmp' | 'protocol'
  /** Source port of TCP and UDP, `type * 256 + code` of ICMP, else the protocol's number. */
  readonly detail: number
}

const SYN = 0x02
const RST = 0x04
const ACK = 0x10
const ICMP = 1
const TCP = 6
const UDP = 17
const ICMPV6 = 58
const DESTINATION_OPTIONS = 60
const FRAGMENT = 44
/** The identification of all fragments: one packet of a source at a time. */
const FRAGMENTS = 7

/** The packet's bytes from the IP header on, checksums filled in. TCP has the flag SYN unless told. */
export function encode(packet: Outgoing): Buffer {
  const source = bytesOf(packet.source)
  const destination = bytesOf(packet.destination)
  if (source.length !== destination.length) throw new Error('source and destination differ in family')
  const { protocol, bytes, checksumAt, pseudo } = transport(packet, source.length === 16)
  if (checksumAt !== undefined) {
    const tail = Buffer.alloc(8)
    tail.writeUInt32BE(bytes.length, 0)
    tail.writeUInt32BE(protocol, 4)
    const covered = pseudo ? [source, destination, tail, bytes] : [bytes]
    const sum = checksum(Buffer.concat(covered))
    const isDamaged = 'tcp' in packet && packet.damaged === true
    // Zero means "none" in UDP, its other representation is sent instead (RFC 768).
    bytes.writeUInt16BE(isDamaged ? sum ^ 1 : sum === 0 && protocol === UDP ? 0xffff : sum, checksumAt)
  }
  const lengths = [packet.options ?? []].flat()
  const options = lengths.map((length, i) =>
    destinationOptions(i === lengths.length - 1 ? protocol : DESTINATION_OPTIONS, length),
  )
  const next = lengths.length === 0 ? protocol : DESTINATION_OPTIONS
  const whole = Buffer.concat([...options, bytes])
  const { piece } = packet
  const rest = piece === undefined ? whole : whole.subarray(...piece)
  const [offset, more] =
    piece === undefined ? [packet.offset ?? 0, 0] : [piece[0], Number(piece[1] < whole.length)]
  if (source.length === 4)
    return Buffer.concat([ipv4(source, destination, next, rest.length, offset, more), rest])
  if (piece === undefined) return Buffer.concat([ipv6(source, destination, next, rest.length), rest])
  const fragment = Buffer.from([next, 0, 0, 0, 0, 0, 0, FRAGMENTS])
  fragment.writeUInt16BE(offset | more, 2)
  return Buffer.concat([ipv6(source, destination, FRAGMENT, 8 + rest.length), fragment, rest])
}

/** RFC 8200, section 4.6: options for experiments (RFC 4727), which are skipped by who does not know them. */
function destinationOptions(protocol: number, length: number): Buffer {
  const header = Buffer.alloc(length)
  header.set([protocol, length / 8 - 1])
  for (let at = 2; at < length; ) {
    const left = length - at
    // What is left must have room for the two bytes of an option.
    const size = left <= 257 ? left : left === 258 ? 256 : 257
    header.set([0x1e, size - 2], at)
    at += size
  }
  return header
}

/** What a captured packet is; undefined when it is not one of the kinds above. Extension headers are not followed. */
export function decode(bytes: Buffer): Incoming | undefined {
  const version = (bytes[0] ?? 0) >> 4
  if (version === 4 && bytes.length >= 20) {
    const payload = bytes.subarray((bytes[0]! & 15) * 4)
    return incoming(textOf(bytes.subarray(12, 16)), textOf(bytes.subarray(16, 20)), bytes[9]!, payload)
  }
  if (version === 6 && bytes.length >= 40) {
    const payload = bytes.subarray(40)
    return incoming(textOf(bytes.subarray(8, 24)), textOf(bytes.subarray(24, 40)), bytes[6]!, payload)
  }
  return undefined
}

/** To which of our ports the answer came; undefined for what has none. */
export function answeredPort(bytes: Buffer): number | undefined {
  const packet = decode(bytes)
  if (packet === undefined || packet.kind === 'icmp' || packet.kind === 'protocol') return undefined
  const header = bytes[0]! >> 4 === 4 ? (bytes[0]! & 15) * 4 : 40
  return bytes.readUInt16BE(header + 2)
}

/** From which port a packet leaves; undefined for what has none. */
export function portOf(packet: Outgoing): number | undefined {
  return 'tcp' in packet || 'udp' in packet ? (packet.from ?? 40_000) : undefined
}

/** The Internet checksum (RFC 1071) of the bytes, 0 over bytes that contain a right one. */
export function checksum(bytes: Buffer): number {
  let sum = 0
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i)
  if (bytes.length % 2 === 1) sum += bytes.at(-1)! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function incoming(
  source: string,
  destination: string,
  protocol: number,
  payload: Buffer,
): Incoming | undefined {
  const ends = { source, destination }
  if (protocol === TCP && payload.length >= 14) {
    const flags = payload[13]!
    const kind = flags & RST ? 'rst' : (flags & (SYN | ACK)) === (SYN | ACK) ? 'syn-ack' : 'tcp'
    return { ...ends, kind, detail: payload.readUInt16BE(0) }
  }
  if (protocol === UDP && payload.length >= 8)
    return { ...ends, kind: 'udp', detail: payload.readUInt16BE(0) }
  if ((protocol === ICMP || protocol === ICMPV6) && payload.length >= 4) {
    return { ...ends, kind: 'icmp', detail: payload.readUInt16BE(0) }
  }
  return { ...ends, kind: 'protocol', detail: protocol }
}

/** The part after the IP header, its checksum zero; `pseudo` tells whether that covers the addresses too. */
function transport(packet: Outgoing, six: boolean) {
  const data = Buffer.from(packet.data ?? '')
  if ('tcp' in packet) {
    const header = Buffer.alloc(20)
    header.writeUInt16BE(portOf(packet)!, 0)
    header.writeUInt16BE(packet.tcp, 2)
    header.writeUInt32BE(0x0f1e_2d3c, 4)
    header[12] = 5 << 4
    header[13] = packet.flags ?? SYN
    header.writeUInt16BE(64_240, 14)
    return { protocol: TCP, bytes: Buffer.concat([header, data]), checksumAt: 16, pseudo: true }
  }
  if ('udp' in packet) {
    const header = Buffer.alloc(8)
    header.writeUInt16BE(portOf(packet)!, 0)
    header.writeUInt16BE(packet.udp, 2)
    header.writeUInt16BE(8 + data.length, 4)
    return { protocol: UDP, bytes: Buffer.concat([header, data]), checksumAt: 6, pseudo: true }
  }
  if ('icmp' in packet) {
    const header = Buffer.from([packet.icmp, packet.code ?? 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(packet.word ?? 0x0001_0001, 4)
    const about = packet.about === undefined ? Buffer.alloc(0) : encode(packet.about)
    const protocol = six ? ICMPV6 : ICMP
    return { protocol, bytes: Buffer.concat([header, data, about]), checksumAt: 2, pseudo: six }
  }
  return { protocol: packet.protocol, bytes: data, checksumAt: undefined, pseudo: false }
}

function ipv4(
  source: Buffer,
  destination: Buffer,
  protocol: number,
  length: number,
  offset: number,
  more: number,
): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + length, 2)
  header.writeUInt16BE(offset + more > 0 ? FRAGMENTS : 0, 4)
  header.writeUInt16BE((more << 13) | (offset / 8), 6)
  header[8] = 64
  header[9] = protocol
  source.copy(header, 12)
  destination.copy(header, 16)
  header.writeUInt16BE(checksum(header), 10)
  return header
}

function ipv6(source: Buffer, destination: Buffer, protocol: number, length: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(length, 4)
  header[6] = protocol
  header[7] = 64
  source.copy(header, 8)
  destination.copy(header, 24)
  return header
}

function bytesOf(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray())
}

function textOf(bytes: Buffer): string {
  const address = ipaddr.fromByteArray([...bytes])
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
}
