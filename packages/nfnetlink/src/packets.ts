/**
 * What log and queue have in common: one socket for all groups, a waiting room, packets in batches, counts.
 *
 * The socket is read as long as something comes, so that the kernel's own queues do not fill while a batch is worked on.
 */
import { type Configuration, configure } from './configure.ts'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { type Answer, emptyReading, type NetfilterPacket, type Reading, readDatagram } from './parse.ts'
import { makeSlots } from './slots.ts'
import { closedIfThrown, type NetlinkSocket, openSocket } from './socket.ts'
import { makeWaitingRoom } from './waiting-room.ts'

export interface PacketCounts {
  /** Packets handed to `onBatch`. */
  readonly packets: number
  /** Packets that are read and not handed over yet. */
  readonly waiting: number
  /** Datagrams that found no room in the receive buffer, each with at least one packet. */
  readonly overruns: number
  /** Packets that the kernel had for us and that never came: gaps in its numbering; for a queue also what it
   * dropped because the queue was full, if /proc/net/netfilter/nfnetlink_queue is readable. And what waited at closing. */
  readonly lost: number
  /** Messages that were cut off or made no sense: more than none is a mistake here, or a kernel unknown to us. */
  readonly malformed: number
}

/** Closing it twice is fine; the counts stay readable. */
export interface PacketSocket extends Disposable {
  counts(): PacketCounts
}

export interface PacketOptions {
  /** Bytes of each packet that are copied, from the IP header on; default COPY_RANGE. */
  readonly copyRange?: number
  /** What of each payload waits for `onBatch`, where not all of it is needed; it may be a view of it. */
  readonly shorten?: (payload: Uint8Array) => Uint8Array
  /** Receive buffer in bytes; default 8 MiB. More than net.core.rmem_max needs CAP_NET_ADMIN on the host. */
  readonly receiveBuffer?: number
  /**
   * Packets that may wait for `onBatch`; default 262,144, at 16 bytes and their copies each. It is looked at before each reading:
   * what comes beyond stays with the kernel, which has bounds of its own.
   */
  readonly waitingMax?: number
  /** The next packets, at most 512, in the order of their coming. What it throws goes to `onError`, and nothing else changes. */
  readonly onBatch: (packets: readonly NetfilterPacket[]) => void
  /** What went wrong while running. The socket goes on, unless the error says that it is closed. */
  readonly onError: (error: Error) => void
}

interface Plan extends PacketOptions {
  readonly configuration: Configuration
  readonly slots: { readonly size: number; readonly count: number }
  /** Called when packets were read, before `onBatch`, so that nothing which happens there can change it. */
  readonly settle?: (socket: NetlinkSocket, packets: readonly NetfilterPacket[]) => void
  /** Packets lost in a way that the numbering does not show. */
  readonly lostElsewhere?: () => number
}

const NETLINK_NETFILTER = 12
const RECEIVE_BUFFER = 8 * 1024 * 1024
/** Enough for the chains of IPv6 headers that honest programs send, some 100 bytes, and a transport header. */
export const COPY_RANGE = 256
const WAITING_MAX = 262_144
/** Packets that are handed over at once: some milliseconds of work, until the event loop turns. */
const BATCH = 512
/** When all is handed over, nothing is read for so long: a steady stream comes in batches. */
const REST_MS = 20

/** Opens, binds and configures; throws NetlinkError, or RangeError for numbers that nobody can mean. */
export function openPackets(plan: Plan): PacketSocket {
  for (const group of plan.configuration.groups) checkRange('group', group, 0, 0xffff)
  const { waitingMax = WAITING_MAX, shorten = payload => payload } = plan
  checkRange('waitingMax', waitingMax, 1, 0xffffffff)
  const slots = makeSlots(plan.slots.size, plan.slots.count)
  const room = makeWaitingRoom()
  const socket = openSocket(NETLINK_NETFILTER, 0, plan.receiveBuffer ?? RECEIVE_BUFFER)
  const expected = new Map<number, number>()
  const counted = { packets: 0, malformed: 0, missed: 0, elsewhere: 0 }
  let turn: NodeJS.Immediate | undefined
  let rest: NodeJS.Timeout | undefined
  let isClosed = false

  function onReceived(count: number): void {
    const reading = emptyReading()
    for (let slot = 0; slot < count; slot++) {
      if (slots.truncated(slot)) reading.malformed += 1
      readDatagram(slots.datagram(slot), plan.configuration.subsystem, reading)
    }
    admit(reading)
  }

  /** What came is settled, and waits for its turn. */
  function admit({ packets, answers, malformed }: Reading): void {
    counted.malformed += malformed
    if (packets.length > 0) guarded(() => plan.settle?.(socket, packets))
    for (const packet of packets) {
      counted.missed += gapBefore(packet, expected)
      room.put({ ...packet, payload: shorten(packet.payload) })
    }
    for (const answer of answers) guarded(() => checkAnswer(answer))
    if (room.count >= waitingMax) socket.pause()
    if (room.count > 0) turn ??= setImmediate(handOver)
  }

  /** One turn of the event loop: between two of them the socket is read, and everything else gets its turn. */
  function handOver(): void {
    turn = undefined
    const packets = room.take(BATCH)
    counted.packets += packets.length
    guarded(() => plan.onBatch(packets))
    if (isClosed) return
    if (room.count > 0) turn = setImmediate(handOver)
    if (room.count < waitingMax) socket.resume()
    if (room.count === 0) takeRest()
  }

  /** So that a steady stream comes in batches. Nothing is running any more when nothing came meanwhile. */
  function takeRest(): void {
    socket.pause()
    rest = setTimeout(() => socket.resume(), REST_MS)
  }

  function guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      plan.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }

  closedIfThrown(socket, () => {
    admit(configure(socket, slots, plan.configuration))
    socket.watch(slots, onReceived, plan.onError)
  })
  return {
    counts() {
      if (!socket.closed) counted.elsewhere = plan.lostElsewhere?.() ?? 0
      const { packets, malformed, missed, elsewhere } = counted
      return {
        packets,
        waiting: room.count,
        overruns: socket.overruns(),
        lost: missed + elsewhere,
        malformed,
      }
    },
    [Symbol.dispose]() {
      if (isClosed) return
      this.counts()
      isClosed = true
      clearImmediate(turn)
      clearTimeout(rest)
      socket[Symbol.dispose]()
      const left = room.take(Number.POSITIVE_INFINITY).length
      counted.missed += left
      if (left > 0)
        plan.onError(new NetlinkError('failed', `closed while ${left} packets waited to be handed over`, 0))
    },
  }
}

/** RangeError unless it is a whole number in this range: a caller's mistake, not the kernel's answer. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}

/** How many numbers of its group are missing before this packet. They are 32 bits wide and wrap. */
export function gapBefore({ group, sequence }: NetfilterPacket, expected: Map<number, number>): number {
  if (sequence === undefined) return 0
  const gap = (sequence - (expected.get(group) ?? sequence)) | 0
  expected.set(group, (sequence + 1) >>> 0)
  return Math.max(0, gap)
}

/** ENOENT answers a verdict for packets that are gone, as when a rule was removed meanwhile. */
function checkAnswer({ errno }: Answer): void {
  if (errno === 0 || errno === ERRNO.ENOENT) return
  throw new NetlinkError('failed', 'the kernel refused a netlink request', errno)
}
