/**
 * What the kernel sends, parsed. Pure and total: any bytes may come, nothing is read outside of them, each
 * step goes forward, what is cut off or contradicts itself is counted as `malformed` and left.
 *
 * A message that ends too early is read as far as it is whole: the packet's id comes first, and a queued packet
 * can be settled without its payload.
 */
import { align, HOST_LITTLE_ENDIAN, type PacketSubsystem, SUBSYSTEM } from './message.ts'

/** One packet, as the kernel saw it at that hook. */
export interface NetfilterPacket {
  /** NFLOG group or queue number. */
  readonly group: number
  /** NF_INET_PRE_ROUTING 0, LOCAL_IN 1, FORWARD 2, LOCAL_OUT 3, POST_ROUTING 4 (linux/netfilter.h). */
  readonly hook: number
  /** From the IP header on, at most `copyRange` bytes: a view that is only valid until the callback returns. */
  readonly payload: Uint8Array
  /** The packet's mark, when it is not zero. */
  readonly mark: number | undefined
  /** Queue: the packet's id. Log: its number within the group, if the kernel counts. */
  readonly sequence: number | undefined
}

/** The kernel's answer to the request with that sequence number; errno 0 is success. */
export interface Answer {
  readonly sequence: number
  readonly errno: number
}

export interface Reading {
  readonly packets: NetfilterPacket[]
  readonly answers: Answer[]
  malformed: number
}

export function emptyReading(): Reading {
  return { packets: [], answers: [], malformed: 0 }
}

const NLMSG_HEADER = 16
const NFGENMSG = 4
const NLMSG_ERROR = 2
const MSG_PACKET = 0
const TYPE_MASK = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
const EMPTY = new Uint8Array(0)

/** Attribute numbers and the packet header's shape: linux/netfilter/nfnetlink_queue.h and nfnetlink_log.h. */
const ATTRIBUTES = {
  queue: { header: 1, headerSize: 7, hookAt: 6, mark: 3, payload: 10, sequence: undefined },
  log: { header: 1, headerSize: 3, hookAt: 2, mark: 2, payload: 9, sequence: 12 },
} as const

/** Adds what one datagram of that subsystem says to `into`. */
export function readDatagram(bytes: Uint8Array, subsystem: PacketSubsystem, into: Reading): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const packetType = (SUBSYSTEM[subsystem] << 8) | MSG_PACKET
  let at = 0
  while (at + NLMSG_HEADER <= bytes.length) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN)
    if (length < NLMSG_HEADER) break
    if (at + length > bytes.length) into.malformed += 1
    const end = Math.min(at + length, bytes.length)
    const type = view.getUint16(at + 4, HOST_LITTLE_ENDIAN)
    if (type === packetType) readPacket(bytes, view, at + NLMSG_HEADER, end, subsystem, into)
    else if (type === NLMSG_ERROR) readAnswer(view, at, end, into)
    at += Math.ceil(length / 4) * 4
  }
  if (at < bytes.length) into.malformed += 1
}

function readAnswer(view: DataView, at: number, end: number, into: Reading): void {
  if (at + NLMSG_HEADER + 4 > end) return
  into.answers.push({
    sequence: view.getUint32(at + 8, HOST_LITTLE_ENDIAN),
    errno: -view.getInt32(at + NLMSG_HEADER, HOST_LITTLE_ENDIAN),
  })
}

function readPacket(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  subsystem: PacketSubsystem,
  into: Reading,
): void {
  const known = ATTRIBUTES[subsystem]
  let hook: number | undefined
  let mark: number | undefined
  let sequence: number | undefined
  let payload = EMPTY as Uint8Array
  let at = start + NFGENMSG
  while (at + 4 <= end) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < 4 || at + length > end) break
    const type = view.getUint16(at + 2, HOST_LITTLE_ENDIAN) & TYPE_MASK
    const value = at + 4
    const size = length - 4
    if (type === known.payload) payload = bytes.subarray(value, value + size)
    else if (type === known.header && size >= known.headerSize) {
      hook = view.getUint8(value + known.hookAt)
      if (subsystem === 'queue') sequence = view.getUint32(value)
    } else if (type === known.mark && size >= 4) mark = view.getUint32(value)
    else if (type === known.sequence && size >= 4) sequence = view.getUint32(value)
    at += align(length)
  }
  if (hook === undefined) into.malformed += 1
  else into.packets.push({ group: view.getUint16(start + 2), hook, payload, mark, sequence })
}
