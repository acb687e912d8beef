/**
 * Bytes become a Packet: pure and total. Hostile bytes are the normal case here, so every read is preceded by
 * a look at how many bytes there are; what does not reach is a named Unreadable, or hidden, never an exception.
 *
 * The bytes start at the IP header and may end early: the kernel hands over the first HEADERS_MAX. Lengths that the
 * headers claim are therefore only used to step over headers, never compared with the number of bytes.
 */
import type { Address } from '../terms/address.ts'
import { formatIPv4, formatIPv6 } from './address.ts'
import type { Packet, Tried, Unreadable } from './packet.ts'

/** Protocol numbers, https://www.iana.org/assignments/protocol-numbers. */
const PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  authentication: 51,
  icmpv6: 58,
  destinationOptions: 60,
  sctp: 132,
} as const

/**
 * So much of a packet is copied: the longest legal chain of IPv6 headers, each at most once but destination options, and a header of TCP.
 * Hop-by-hop options, routing and two of destination options have up to 2,048 bytes each, a fragment header 8, AH 1,028.
 */
export const HEADERS_MAX = 40 + 4 * 2048 + 8 + 1028 + 20
/** So much of a packet waits: all headers of nearly all packets. */
const HEAD = 256

/** A packet with more extension headers than this is no honest one (RFC 8200, section 4.1: each at most once). */
export const MOST_EXTENSION_HEADERS = 8

const IPV4_HEADER = 20
const IPV6_HEADER = 40
/** What is read of a transport header, at most. */
const TRANSPORT = 14

/** The packet that these bytes are, from the IP header on; or why they cannot be read. */
export function decode(bytes: Uint8Array): Packet | Unreadable {
  if (bytes.length === 0) return { unreadable: 'empty' }
  const version = bytes[0]! >> 4
  if (version === 4) return decodeIPv4(bytes)
  if (version === 6) return decodeIPv6(bytes)
  return { unreadable: 'version' }
}

/** What decode() reads of these bytes, in HEAD bytes at most: a flood of long packets takes no more room than one of short ones. */
export function headOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= HEAD) return bytes
  const head = bytes.subarray(0, HEAD)
  if (bytes[0]! >> 4 !== 6) return head
  const end = endOfExtensions(bytes)
  if (typeof end === 'string' || end.isHidden || end.at + TRANSPORT <= HEAD) return head
  const short = new Uint8Array(IPV6_HEADER + TRANSPORT)
  short.set(bytes.subarray(0, IPV6_HEADER))
  short[6] = end.next
  short.set(bytes.subarray(end.at, end.at + TRANSPORT), IPV6_HEADER)
  return short.subarray(0, IPV6_HEADER + bytes.length - end.at)
}

/** RFC 791, section 3.1. */
function decodeIPv4(bytes: Uint8Array): Packet | Unreadable {
  const header = (bytes[0]! & 0x0f) * 4
  if (header < IPV4_HEADER || bytes.length < header) return { unreadable: 'ip-header' }
  if ((uint16(bytes, 6) & 0x1fff) !== 0) return { unreadable: 'fragment' }
  const tried = decodeTransport(bytes, header, bytes[9]!, 4)
  return { source: formatIPv4(bytes, 12), destination: destinationIPv4(bytes), tried }
}

/** Packets are for one address, most often: its text is made once, not for each. */
function destinationIPv4(bytes: Uint8Array): Address {
  const number = ((bytes[16]! << 24) | (bytes[17]! << 16) | (bytes[18]! << 8) | bytes[19]!) >>> 0
  if (number !== last.number) last = { number, text: formatIPv4(bytes, 16) }
  return last.text
}
let last = { number: 0, text: '0.0.0.0' as Address }

/** RFC 8200, sections 3 and 4. */
function decodeIPv6(bytes: Uint8Array): Packet | Unreadable {
  if (bytes.length < IPV6_HEADER) return { unreadable: 'ip-header' }
  const end = endOfExtensions(bytes)
  if (end === 'fragment') return { unreadable: 'fragment' }
  const tried = end.isHidden ? hidden(end.next) : decodeTransport(bytes, end.at, end.next, 6)
  return { source: formatIPv6(bytes, 8), destination: formatIPv6(bytes, 24), tried }
}

/** What follows the extension headers, and where; or which of them cannot be read to its end. */
function endOfExtensions(
  bytes: Uint8Array,
): { readonly next: number; readonly at: number; readonly isHidden: boolean } | 'fragment' {
  let next = bytes[6]!
  let at = IPV6_HEADER
  for (let headers = 0; isExtension(next); headers++) {
    if (headers === MOST_EXTENSION_HEADERS || bytes.length < at + 8) return { next, at, isHidden: true }
    if (next === PROTOCOL.fragment && (uint16(bytes, at + 2) & 0xfff8) !== 0) return 'fragment'
    const after = at + extensionLength(next, bytes[at + 1]!)
    if (bytes.length < after) return { next, at, isHidden: true }
    next = bytes[at]!
    at = after
  }
  return { next, at, isHidden: false }
}

/** The kernel has seen the whole packet, and found it to be an offence: only what was tried is not known. */
function hidden(number: number): Tried {
  return { kind: 'protocol', number, hidden: true }
}

function isExtension(protocol: number): boolean {
  return (
    protocol === PROTOCOL.hopByHop ||
    protocol === PROTOCOL.routing ||
    protocol === PROTOCOL.fragment ||
    protocol === PROTOCOL.authentication ||
    protocol === PROTOCOL.destinationOptions
  )
}

/** Bytes of an extension header whose second byte this is; AH counts in words of four (RFC 4302, section 2.2). */
function extensionLength(protocol: number, counted: number): number {
  if (protocol === PROTOCOL.fragment) return 8
  if (protocol === PROTOCOL.authentication) return (counted + 2) * 4
  return (counted + 1) * 8
}

/**
 * What was tried, at the head of the transport header. ICMP belongs to its own version of IP: across, it is only a
 * protocol number, as the kernel sees it.
 */
function decodeTransport(bytes: Uint8Array, at: number, protocol: number, version: 4 | 6): Tried {
  const rest = bytes.length - at
  switch (protocol) {
    case PROTOCOL.tcp:
      // Ports and flags (RFC 9293, section 3.1).
      if (rest < TRANSPORT) break
      return { kind: 'tcp', port: uint16(bytes, at + 2), from: uint16(bytes, at), flags: bytes[at + 13]! }
    case PROTOCOL.udp:
      if (rest < 4) break
      return { kind: 'udp', port: uint16(bytes, at + 2), from: uint16(bytes, at) }
    case PROTOCOL.sctp: // RFC 9260, section 3.1
      if (rest < 4) break
      return { kind: 'sctp', port: uint16(bytes, at + 2), from: uint16(bytes, at) }
    case version === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6:
      if (rest < 2) break
      return { kind: version === 4 ? 'icmp' : 'icmpv6', type: bytes[at]!, code: bytes[at + 1]! }
    default:
      return { kind: 'protocol', number: protocol }
  }
  return hidden(protocol)
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
