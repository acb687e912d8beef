/** What log and queue have in common: one socket for all groups, packets in batches, counts. */
import { type Configuration, configure } from './configure.ts'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { type Answer, emptyReading, type NetfilterPacket, type Reading, readDatagram } from './parse.ts'
import { makeSlots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'

export interface PacketCounts {
  /** Packets handed to `onBatch`. */
  readonly packets: number
  /** Datagrams that found no room in the receive buffer, each with at least one packet. */
  readonly overruns: number
  /** Packets that the kernel had for us and that never came: gaps in its numbering; for a queue also what it
   * dropped because the queue was full, if /proc/net/netfilter/nfnetlink_queue is readable. */
  readonly lost: number
  /** Messages that were cut off or made no sense: more than none is a mistake here, or a kernel unknown to us. */
  readonly malformed: number
}

/** Closing it twice is fine; the counts stay readable. */
export interface PacketSocket extends Disposable {
  counts(): PacketCounts
}

export interface PacketOptions {
  /** Bytes of each packet that are copied, from the IP header on; default 128. */
  readonly copyRange?: number
  /** Receive buffer in bytes; default 8 MiB. More than net.core.rmem_max needs CAP_NET_ADMIN on the host. */
  readonly receiveBuffer?: number
  /** Everything that one wake-up brought, in order. What it throws goes to `onError`, and nothing else changes. */
  readonly onBatch: (packets: readonly NetfilterPacket[]) => void
  /** What went wrong while running. The socket goes on, unless the error says that it is closed. */
  readonly onError: (error: Error) => void
}

interface Plan extends PacketOptions {
  readonly configuration: Configuration
  readonly slots: { readonly size: number; readonly count: number }
  /** Called before `onBatch`, so that nothing which happens there can change it. */
  readonly settle?: (socket: NetlinkSocket, packets: readonly NetfilterPacket[]) => void
  /** Packets lost in a way that the numbering does not show. */
  readonly lostElsewhere?: () => number
}

const NETLINK_NETFILTER = 12
const RECEIVE_BUFFER = 8 * 1024 * 1024
export const COPY_RANGE = 128

/** Opens, binds and configures; throws NetlinkError, or RangeError for numbers that nobody can mean. */
export function openPackets(plan: Plan): PacketSocket {
  for (const group of plan.configuration.groups) checkRange('group', group, 0, 0xffff)
  using opening = new DisposableStack()
  const socket = opening.use(openSocket(NETLINK_NETFILTER, 0, plan.receiveBuffer ?? RECEIVE_BUFFER))
  const slots = makeSlots(plan.slots.size, plan.slots.count)
  let early: Reading | undefined = configure(socket, slots, plan.configuration)

  const expected = new Map<number, number>()
  const counted = { packets: 0, malformed: 0, gaps: 0, elsewhere: 0 }

  function deliver({ packets, answers, malformed }: Reading): void {
    counted.packets += packets.length
    counted.malformed += malformed
    for (const packet of packets) counted.gaps += gapBefore(packet, expected)
    if (packets.length > 0) guarded(() => plan.settle?.(socket, packets))
    if (packets.length > 0) guarded(() => plan.onBatch(packets))
    for (const answer of answers) guarded(() => checkAnswer(answer))
  }

  function guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      plan.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Packets that came while we were still binding; never from within open, and before all others. */
  function deliverEarly(): void {
    const reading = early
    early = undefined
    if (reading !== undefined) deliver(reading)
  }

  function onReceived(count: number): void {
    deliverEarly()
    const reading = emptyReading()
    for (let slot = 0; slot < count; slot++) {
      if (slots.truncated(slot)) reading.malformed += 1
      readDatagram(slots.datagram(slot), plan.configuration.subsystem, reading)
    }
    deliver(reading)
  }

  socket.watch(slots, onReceived, plan.onError)
  const turn = setImmediate(deliverEarly)
  opening.move()
  return {
    counts() {
      if (!socket.closed) counted.elsewhere = plan.lostElsewhere?.() ?? 0
      const { packets, malformed, gaps, elsewhere } = counted
      return { packets, overruns: socket.overruns(), lost: gaps + elsewhere, malformed }
    },
    [Symbol.dispose]() {
      this.counts()
      clearImmediate(turn)
      socket[Symbol.dispose]()
    },
  }
}

/** RangeError unless it is a whole number in this range: a caller's mistake, not the kernel's answer. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}

/** How many numbers of its group are missing before this packet. They are 32 bits wide and wrap. */
function gapBefore({ group, sequence }: NetfilterPacket, expected: Map<number, number>): number {
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
