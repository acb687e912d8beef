/**
 * Dumps of any netlink protocol (netlink(7), linux/netlink.h): asked for, and shown message by message. The kernel makes a piece when
 * the one before it was read, so that the memory is that of one piece however much there is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'
import { makeSlots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'

export interface Question {
  /** NETLINK_ROUTE 0, NETLINK_SOCK_DIAG 4. */
  readonly protocol: number
  /** Of the message. */
  readonly type: number
  /** What follows its header. */
  readonly body: Uint8Array
}

/** Shown the body of a message, from `at` to `end` of the view; valid until it returns. Returns false to leave off. */
export type Visit = (view: DataView, at: number, end: number) => boolean

const HEADER = 16
const REQUEST_DUMP = 0x301 // NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
const DUMP_INTR = 0x10
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const RECEIVE_BUFFER = 256 * 1024
/** The kernel dumps up to 32 KB in one datagram. */
const DUMPED = 64 * 1024
/** What changes while it is read is read again, so often at most: what was shown by each reading counts. */
const READINGS_MAX = 3
/** Pieces that the kernel could not make for want of memory are asked for again so often, after so long. */
const PATIENCE = { times: 20, ms: 50 }

/** How a datagram leaves the dump: `more` is to come, it is over, or it is over and something has changed meanwhile. */
type State = 'more' | 'over' | 'interrupted'

/** Shows everything at once. Something may be shown twice. Throws NetlinkError. */
export function dump(question: Question, visit: Visit): void {
  const slots = makeSlots(DUMPED, 1)
  for (let readings = 1; ; readings++) {
    using reading = openReading(visit, question.protocol)
    reading.socket.send(messageOf(question))
    let state: State = 'more'
    while (state === 'more') {
      const count = reading.socket.receive(slots)
      if (count <= 0) throw new NetlinkError('failed', 'the kernel broke off a dump', -count)
      state = reading.show(slots.datagram(0))
    }
    if (state === 'over' || readings === READINGS_MAX) return
  }
}

/** The same, each piece made on another thread and shown in a turn of the event loop of its own. */
export async function dumpLater(question: Question, visit: Visit): Promise<void> {
  const slots = makeSlots(DUMPED, 1)
  for (let readings = 1; ; readings++) {
    using reading = openReading(visit, question.protocol)
    // The first piece is made before this returns.
    await reading.socket.sendLater(messageOf(question))
    let state: State = 'more'
    for (let failures = 0; state === 'more'; ) {
      const count = await reading.socket.receiveLater(slots)
      if (count > 0) state = reading.show(slots.datagram(0))
      else if (++failures > PATIENCE.times)
        throw new NetlinkError('failed', 'the kernel broke off a dump', -count)
      else await sleep(PATIENCE.ms)
    }
    if (state === 'over' || readings === READINGS_MAX) return
  }
}

interface Reading extends Disposable {
  readonly socket: NetlinkSocket
  show(datagram: Uint8Array): State
}

function messageOf({ type, body }: Question): Uint8Array {
  const message = new Uint8Array(new ArrayBuffer(HEADER + body.length))
  const view = new DataView(message.buffer)
  view.setUint32(0, message.length, HOST_LITTLE_ENDIAN)
  view.setUint16(4, type, HOST_LITTLE_ENDIAN)
  view.setUint16(6, REQUEST_DUMP, HOST_LITTLE_ENDIAN)
  view.setUint32(8, 1, HOST_LITTLE_ENDIAN)
  message.set(body, HEADER)
  return message
}

function openReading(visit: Visit, protocol: number): Reading {
  const socket = openSocket(protocol, 0, RECEIVE_BUFFER)
  let isInterrupted = false
  return {
    socket,
    show(datagram) {
      const shown = showDatagram(datagram, visit)
      isInterrupted ||= shown.isInterrupted
      return !shown.isOver ? 'more' : isInterrupted && !shown.isEnough ? 'interrupted' : 'over'
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

function showDatagram(bytes: Uint8Array, visit: Visit) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let isInterrupted = false
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN)
    if (length < HEADER || at + length > bytes.length) break
    const type = view.getUint16(at + 4, HOST_LITTLE_ENDIAN)
    if ((view.getUint16(at + 6, HOST_LITTLE_ENDIAN) & DUMP_INTR) !== 0) isInterrupted = true
    if (type === NLMSG_DONE || type === NLMSG_ERROR) {
      const errno = length >= HEADER + 4 ? -view.getInt32(at + HEADER, HOST_LITTLE_ENDIAN) : 0
      if (errno > 0) throw refusal(errno)
      return { isOver: true, isEnough: false, isInterrupted }
    }
    if (!visit(view, at + HEADER, at + length)) return { isOver: true, isEnough: true, isInterrupted }
    at += Math.ceil(length / 4) * 4
  }
  return { isOver: false, isEnough: false, isInterrupted }
}

/** Answers that mean that this kernel has nothing of the kind: no such message, no such family, no module for it. */
const UNKNOWN: readonly number[] = [ERRNO.ENOENT, ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT, ERRNO.EPROTONOSUPPORT]

function refusal(errno: number): NetlinkError {
  return new NetlinkError(
    UNKNOWN.includes(errno) ? 'unsupported' : 'failed',
    'the kernel refuses a dump',
    errno,
  )
}

/** Shown the type, and where the value begins and how long it is. */
export type VisitAttribute = (type: number, at: number, size: number) => void

const TYPE_MASK = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

/** The attributes (linux/netlink.h: nlattr) between these two places; what is cut off ends them. */
export function eachAttribute(view: DataView, from: number, end: number, visit: VisitAttribute): void {
  for (let at = from; at + 4 <= end; ) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < 4 || at + length > end) return
    visit(view.getUint16(at + 2, HOST_LITTLE_ENDIAN) & TYPE_MASK, at + 4, length - 4)
    at += (length + 3) & ~3
  }
}
