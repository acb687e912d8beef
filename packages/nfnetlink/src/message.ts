/**
 * Requests to nfnetlink, as bytes. Pure.
 *
 * A message is a header (linux/netlink.h: nlmsghdr), the family and the group or queue number
 * (linux/netfilter/nfnetlink.h: nfgenmsg), then attributes. The headers are in host byte order, everything
 * that netfilter put into them in network byte order.
 */

/** Netlink speaks the byte order of the machine. */
export const HOST_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

export const SUBSYSTEM = { queue: 3, log: 4, nftables: 10 } as const
export type Subsystem = keyof typeof SUBSYSTEM
/** Those that hand packets over. */
export type PacketSubsystem = Exclude<Subsystem, 'nftables'>

const NLMSG_HEADER = 16
const HEADER = NLMSG_HEADER + 4
const NLM_F_REQUEST = 0x01
const NLM_F_ACK = 0x04

export interface Attribute {
  readonly type: number
  readonly value: Uint8Array
}

export interface Request {
  readonly subsystem: Subsystem
  /** Message type within the subsystem. */
  readonly type: number
  /** NFPROTO_* of linux/netfilter.h; 0 (unspecified) unless told. */
  readonly family?: number
  /** NFLOG group or queue number. */
  readonly group: number
  /** Comes back in the answer. */
  readonly sequence: number
  /** Ask for an answer in success too; a failure is always answered. */
  readonly acknowledge: boolean
  /** Further NLM_F_* flags of linux/netlink.h. */
  readonly flags?: number
  readonly attributes: readonly Attribute[]
}

export function buildRequest(request: Request): Uint8Array<ArrayBuffer> {
  const length = request.attributes.reduce((sum, { value }) => sum + align(4 + value.length), HEADER)
  const bytes = new Uint8Array(new ArrayBuffer(length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, length, HOST_LITTLE_ENDIAN)
  view.setUint16(4, (SUBSYSTEM[request.subsystem] << 8) | request.type, HOST_LITTLE_ENDIAN)
  const flags = NLM_F_REQUEST | (request.acknowledge ? NLM_F_ACK : 0) | (request.flags ?? 0)
  view.setUint16(6, flags, HOST_LITTLE_ENDIAN)
  view.setUint32(8, request.sequence, HOST_LITTLE_ENDIAN)
  view.setUint8(16, request.family ?? 0)
  view.setUint16(18, request.group)
  let at = HEADER
  for (const { type, value } of request.attributes) {
    view.setUint16(at, 4 + value.length, HOST_LITTLE_ENDIAN)
    view.setUint16(at + 2, type, HOST_LITTLE_ENDIAN)
    bytes.set(value, at + 4)
    at += align(4 + value.length)
  }
  return bytes
}

/** The messages of one datagram, each with its header and whole; what is cut off is left out. */
export function* messages(datagram: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length)
  let at = 0
  while (at + NLMSG_HEADER <= datagram.length) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN)
    if (length < NLMSG_HEADER || at + length > datagram.length) return
    yield datagram.subarray(at, at + length)
    at += align(length)
  }
}

/** Numbers in network byte order, each in so many bytes: `be([range, 4], [mode, 1])`. */
export function be(...fields: readonly (readonly [number, 1 | 2 | 4])[]): Uint8Array {
  const bytes: number[] = []
  for (const [value, size] of fields)
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes.push((value >>> shift) & 0xff)
  return Uint8Array.from(bytes)
}

export function align(length: number): number {
  return (length + 3) & ~3
}
