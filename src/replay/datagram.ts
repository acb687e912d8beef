/**
 * IP packets of a capture file, to be sent again: who sent them to whom, and whole, also where the file has only their headers. Pure
 * and total.
 *
 * Layouts: RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP), 792 and 4443 (ICMP).
 */
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import { decode } from '../decode/decode.ts'
import type { Tried } from '../decode/packet.ts'
import { checksum } from '../prove/packets.ts'

export interface Datagram {
  readonly source: string
  readonly destination: string
  /** Undefined of a later fragment, which does not tell. */
  readonly tried: Tried | undefined
  readonly isFragment: boolean
  /** As it was on the wire, or so that the kernel takes it for that. */
  readonly bytes: Buffer
  /** Whether the file has not all of it: its data are zeros, or its length and checksum were yet to be filled in. */
  readonly isMade: boolean
  /** Whether its checksum of TCP, UDP or ICMP is right; undefined of what has none, or is not whole. */
  readonly isSound: boolean | undefined
}

/** Why it cannot be sent again: it is no IP packet, or the file has not even its headers. */
export type Unsendable = 'damaged' | 'cut'

const [ICMP, TCP, UDP, ICMPV6, FRAGMENT] = [1, 6, 17, 58, 44]
/** Where the checksum is, and how long a header is at least. */
const TRANSPORTS: Readonly<Record<number, { readonly sum: number; readonly header: number }>> = {
  [ICMP]: { sum: 2, header: 8 },
  [TCP]: { sum: 16, header: 20 },
  [UDP]: { sum: 6, header: 8 },
  [ICMPV6]: { sum: 2, header: 8 },
}

export function datagramOf(captured: Buffer): Datagram | Unsendable {
  const six = captured[0]! >> 4 === 6
  if (captured.length < (six ? 40 : 20)) return 'cut'
  const header = six ? 40 : (captured[0]! & 15) * 4
  // Zero is what a network card was to fill in: the file has what the system handed to it (segmentation offload).
  const claimed = six ? 40 + captured.readUInt16BE(4) : captured.readUInt16BE(2)
  const isUnset = six ? claimed === 40 && captured.length > 40 && captured[6] !== 59 : claimed === 0
  const length = isUnset ? Math.min(captured.length, 65_535) : claimed
  if (header < 20 || length < header || (six && length > 65_535)) return 'damaged'
  const protocol = six ? captured[6]! : captured[9]!
  const isFragment = six ? protocol === FRAGMENT : (captured.readUInt16BE(6) & 0x3fff) !== 0
  const isWhole = captured.length >= length
  const transport = isFragment ? undefined : TRANSPORTS[protocol]
  if (!isWhole && !reaches(captured, header, transport)) return 'cut'
  const bytes = Buffer.alloc(length)
  captured.copy(bytes, 0, 0, length)
  if (isUnset && six) bytes.writeUInt16BE(length - 40, 4)
  const read = decode(bytes)
  const [source, destination] = six
    ? [formatIPv6(bytes, 8), formatIPv6(bytes, 24)]
    : [formatIPv4(bytes, 12), formatIPv4(bytes, 16)]
  const isMade = !isWhole || isUnset
  return {
    source,
    destination,
    tried: 'unreadable' in read ? undefined : read.tried,
    isFragment,
    isMade,
    bytes: isMade ? mended(bytes) : bytes,
    isSound: isMade ? undefined : isSound(bytes),
  }
}

/** Whether all headers are there: what is missing is data, which nobody looks at. */
function reaches(captured: Buffer, header: number, transport: { readonly header: number } | undefined) {
  return transport !== undefined && captured.length >= header + transport.header
}

/** With a right checksum of TCP, UDP and ICMP; others and fragments as they are. */
export function mended(bytes: Buffer): Buffer {
  const place = checksummed(bytes)
  if (place === undefined) return bytes
  const { at, protocol, sum } = place
  // UDP of IPv4 without one.
  if (protocol === UDP && bytes[0]! >> 4 === 4 && bytes.readUInt16BE(at + sum) === 0) return bytes
  const copy = Buffer.from(bytes)
  copy.writeUInt16BE(0, at + sum)
  const right = sumOf(copy, at, protocol)
  copy.writeUInt16BE(right === 0 && protocol === UDP ? 0xffff : right, at + sum)
  return copy
}

function isSound(bytes: Buffer): boolean | undefined {
  const place = checksummed(bytes)
  if (place === undefined) return undefined
  const { at, protocol, sum } = place
  if (protocol === UDP && bytes.readUInt16BE(at + sum) === 0) return undefined
  return sumOf(bytes, at, protocol) === 0
}

function checksummed(bytes: Buffer) {
  const six = bytes[0]! >> 4 === 6
  const at = six ? 40 : (bytes[0]! & 15) * 4
  const protocol = six ? bytes[6]! : bytes[9]!
  const transport = TRANSPORTS[protocol]
  const isFragment = !six && (bytes.readUInt16BE(6) & 0x3fff) !== 0
  if (transport === undefined || isFragment || bytes.length < at + transport.header) return undefined
  return { at, protocol, sum: transport.sum }
}

function sumOf(bytes: Buffer, at: number, protocol: number): number {
  const rest = bytes.subarray(at)
  if (protocol === ICMP) return checksum(rest)
  const tail = Buffer.alloc(8)
  tail.writeUInt32BE(rest.length, 0)
  tail.writeUInt32BE(protocol, 4)
  const addresses = bytes[0]! >> 4 === 6 ? bytes.subarray(8, 40) : bytes.subarray(12, 20)
  return checksum(Buffer.concat([addresses, tail, rest]))
}
