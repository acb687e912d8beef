/** nfnetlink_queue with a verdict for each packet: they are iterated, and whoever iterates decides. Where all are to be dropped, openQueue is quicker and cannot let one through. */
import { configure } from './configure.ts'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { be, buildRequest } from './message.ts'
import { checkRange, gapBefore } from './packets.ts'
import { type Answer, emptyReading, type NetfilterPacket, readDatagram } from './parse.ts'
import { droppedByFullQueue, queueAttributes, readQueueTable } from './queue.ts'
import { makeSlots } from './slots.ts'
import { closedIfThrown, openSocket } from './socket.ts'

/** `repeat` sends the packet through its hook once more, from the first chain on: with a mark that keeps it from coming here again. */
export type PacketVerdict = 'accept' | 'drop' | 'repeat'

export interface VerdictOptions {
  /** The packet's mark from then on. */
  readonly mark?: number
}

export interface PacketVerdictOptions extends VerdictOptions {
  /** What goes on in place of the packet, from the IP header on; its checksums are the caller's work. */
  readonly payload?: Uint8Array
}

export interface VerdictQueueOptions {
  /** Queue numbers, as in the rules. */
  readonly queues: readonly number[]
  /** Packets that wait for a verdict in each queue; what comes then is dropped and counted, or accepted with `failOpen`; default 8192. */
  readonly maxLength?: number
  /** What does not fit the queue is accepted. Default: dropped. */
  readonly failOpen?: boolean
  /** Bytes of each packet that are copied, from the IP header on; default 65,531, which is all of it. */
  readonly copyRange?: number
  /** Packets that are read ahead of who iterates; default 1024. Beyond that nothing is read, and the others wait in the kernel. */
  readonly aheadMax?: number
  /** Receive buffer in bytes; default 8 MiB. More than net.core.rmem_max needs CAP_NET_ADMIN on the host. */
  readonly receiveBuffer?: number
}

/** A packet that waits for its verdict. Its payload is a copy, and stays valid. */
export type QueuedPacket = NetfilterPacket & { readonly sequence: number }

export interface VerdictQueue extends AsyncIterable<readonly QueuedPacket[]>, Disposable, AsyncDisposable {
  /** Settles this packet, in whatever order. One that is gone or settled already is no error. Throws NetlinkError. */
  decide(packet: QueuedPacket, verdict: PacketVerdict, options?: PacketVerdictOptions): void
  /** Settles by one message all packets of its queue that came before this one or with it and are not settled yet: also those that were not handed over. */
  decideUpTo(packet: QueuedPacket, verdict: PacketVerdict, options?: VerdictOptions): void
  counts(): VerdictCounts
}

export interface VerdictCounts {
  /** Packets that were handed over. */
  readonly packets: number
  /** Packets that were read and not handed over yet. */
  readonly waiting: number
  /** Packets that the kernel had for us and that never came; and what the full queue dropped, where /proc/net/netfilter/nfnetlink_queue may be read. */
  readonly lost: number
  /** Messages that were cut off or made no sense. */
  readonly malformed: number
}

const NETLINK_NETFILTER = 12
const VERDICTS: Readonly<Record<PacketVerdict, number>> = { drop: 0, accept: 1, repeat: 4 }
const MESSAGE = { verdict: 1, batch: 3 }
const ATTRIBUTE = { verdict: 2, mark: 3, payload: 10 }
/** Of one netlink attribute. */
const PAYLOAD_MAX = 0xffff - 4
const RECEIVE_BUFFER = 8 * 1024 * 1024
const AHEAD_MAX = 1024
/** Packets that one turn of an iteration gets at most. */
const BATCH_MAX = 512
const SLOTS = 16
/** Room for all attributes but the payload. */
const ATTRIBUTES = 896

/**
 * Binds these queues. Throws NetlinkError: `in-use` when another socket holds one. One iteration at a time; what is not settled when it is closed, or the program
 * dies, the kernel drops.
 */
export function openVerdictQueue(options: VerdictQueueOptions): VerdictQueue {
  const {
    queues,
    copyRange = PAYLOAD_MAX,
    maxLength = 8192,
    aheadMax = AHEAD_MAX,
    failOpen = false,
  } = options
  for (const queue of queues) checkRange('queue', queue, 0, 0xffff)
  checkRange('copyRange', copyRange, 1, PAYLOAD_MAX)
  checkRange('maxLength', maxLength, 1, 0xffffffff)
  checkRange('aheadMax', aheadMax, 1, 0xffffffff)
  const slots = makeSlots(copyRange + ATTRIBUTES, SLOTS)
  const socket = openSocket(NETLINK_NETFILTER, 0, options.receiveBuffer ?? RECEIVE_BUFFER)
  const ahead: QueuedPacket[] = []
  const expected = new Map<number, number>()
  const counted = { packets: 0, missed: 0, elsewhere: 0, malformed: 0 }
  let failed: Error | undefined
  let wake = () => {}

  function take({ packets, answers, malformed } = emptyReading()): void {
    counted.malformed += malformed
    for (const packet of packets) {
      counted.missed += gapBefore(packet, expected)
      if (packet.sequence !== undefined)
        ahead.push({ ...packet, sequence: packet.sequence, payload: packet.payload.slice() })
    }
    failed ??= answers.map(refusalOf).find(error => error !== undefined)
    if (ahead.length >= aheadMax) socket.pause()
    wake()
  }

  function onReceived(count: number): void {
    const reading = emptyReading()
    for (let slot = 0; slot < count; slot++) {
      if (slots.truncated(slot)) reading.malformed += 1
      readDatagram(slots.datagram(slot), 'queue', reading)
    }
    take(reading)
  }

  function send(
    type: number,
    { group, sequence }: QueuedPacket,
    verdict: PacketVerdict,
    more: PacketVerdictOptions,
  ): void {
    const { mark, payload } = more
    if (payload !== undefined) checkRange('payload.length', payload.length, 1, PAYLOAD_MAX)
    if (mark !== undefined) checkRange('mark', mark, 0, 0xffffffff)
    const attributes = [
      { type: ATTRIBUTE.verdict, value: be([VERDICTS[verdict], 4], [sequence, 4]) },
      ...(mark === undefined ? [] : [{ type: ATTRIBUTE.mark, value: be([mark, 4]) }]),
      ...(payload === undefined ? [] : [{ type: ATTRIBUTE.payload, value: payload }]),
    ]
    socket.send(
      buildRequest({ subsystem: 'queue', type, group, sequence: 0, acknowledge: false, attributes }),
    )
  }

  async function* iterate(): AsyncGenerator<readonly QueuedPacket[]> {
    for (;;) {
      if (ahead.length === 0 && failed === undefined && !socket.closed)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      if (failed !== undefined) throw failed
      if (socket.closed) return
      const packets = ahead.splice(0, BATCH_MAX)
      if (ahead.length < aheadMax) socket.resume()
      counted.packets += packets.length
      if (packets.length > 0) yield packets
    }
  }

  function close(): void {
    if (socket.closed) return
    counted.elsewhere = droppedByFullQueue(readQueueTable(), queues)
    socket[Symbol.dispose]()
    counted.missed += ahead.splice(0).length
    wake()
  }

  closedIfThrown(socket, () => {
    take(
      configure(socket, slots, {
        subsystem: 'queue',
        message: 2,
        groups: queues,
        attributes: queueAttributes(copyRange, maxLength, failOpen),
      }),
    )
    socket.watch(slots, onReceived, error => {
      failed = error
      wake()
    })
    if (ahead.length >= aheadMax) socket.pause()
  })
  return {
    decide: (packet, verdict, more = {}) => send(MESSAGE.verdict, packet, verdict, more),
    decideUpTo: (packet, verdict, { mark } = {}) =>
      send(MESSAGE.batch, packet, verdict, mark === undefined ? {} : { mark }),
    counts() {
      if (!socket.closed) counted.elsewhere = droppedByFullQueue(readQueueTable(), queues)
      const { packets, missed, elsewhere, malformed } = counted
      return { packets, waiting: ahead.length, lost: missed + elsewhere, malformed }
    },
    [Symbol.asyncIterator]: iterate,
    [Symbol.dispose]: close,
    async [Symbol.asyncDispose]() {
      close()
    },
  }
}

/** ENOENT answers a verdict for a packet that is gone, as when it was settled already. */
function refusalOf({ errno }: Answer): NetlinkError | undefined {
  if (errno === 0 || errno === ERRNO.ENOENT) return undefined
  return new NetlinkError('failed', 'the kernel refused a verdict', errno)
}
