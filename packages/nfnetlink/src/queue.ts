/** nfnetlink_queue: packets that a rule such as `queue num 5` holds until the verdict. Here it is always drop; verdicts.ts has the others. */
import { readFileSync } from 'node:fs'
import { type Attribute, be, buildRequest } from './message.ts'
import { COPY_RANGE, checkRange, openPackets, type PacketOptions, type PacketSocket } from './packets.ts'
import type { NetfilterPacket } from './parse.ts'
import type { NetlinkSocket } from './socket.ts'

export interface QueueOptions extends PacketOptions {
  /** Queue numbers, as in the rules. */
  readonly queues: readonly number[]
  /** Packets that may wait in each queue; what comes then is dropped and counted; default 8192. */
  readonly maxLength?: number
}

const MESSAGE = { config: 2, verdictBatch: 3 }
const CONFIG = { command: 1, parameters: 2, maxLength: 3, mask: 4, flags: 5 }
const VERDICT_HEADER = 2
const BIND = 1
const COPY_PACKET = 2
const NF_DROP = 0
/** Accept what does not fit the queue. */
const FLAG_FAIL_OPEN = 1
/** Hand over large offloaded packets whole. */
const FLAG_GSO = 4

const PROC = '/proc/net/netfilter/nfnetlink_queue'
/** Packets of one recvmmsg(2), which one verdict settles. */
const SLOTS = 512
/** Room for all attributes but the payload, so that no packet is ever longer than its slot. */
const ATTRIBUTES = 896

/**
 * Takes the packets of these queues and drops them. Throws NetlinkError: `in-use` when another socket holds one.
 *
 * There is no accept on purpose: that verdict leaves the chain and its policy, and would open a firewall. The
 * verdict is sent when packets are read, one for all of them, and before `onBatch` is called; what the kernel still has at
 * closing it drops.
 */
export function openQueue(options: QueueOptions): PacketSocket {
  const { copyRange = COPY_RANGE, maxLength = 8192, queues } = options
  checkRange('copyRange', copyRange, 1, 0xffff - 4)
  checkRange('maxLength', maxLength, 1, 0xffffffff)
  return openPackets({
    ...options,
    slots: { size: copyRange + ATTRIBUTES, count: SLOTS },
    settle: dropAll,
    lostElsewhere: () => droppedByFullQueue(readQueueTable(), queues),
    configuration: {
      subsystem: 'queue',
      message: MESSAGE.config,
      groups: queues,
      attributes: queueAttributes(copyRange, maxLength, false),
    },
  })
}

/** Binds a queue and sets all of it. */
export function queueAttributes(
  copyRange: number,
  maxLength: number,
  failOpen: boolean,
): readonly Attribute[] {
  const flags = FLAG_GSO | (failOpen ? FLAG_FAIL_OPEN : 0)
  return [
    { type: CONFIG.command, value: be([BIND, 1], [0, 1], [0, 2]) },
    { type: CONFIG.parameters, value: be([copyRange, 4], [COPY_PACKET, 1]) },
    { type: CONFIG.maxLength, value: be([maxLength, 4]) },
    { type: CONFIG.mask, value: be([FLAG_GSO | FLAG_FAIL_OPEN, 4]) },
    { type: CONFIG.flags, value: be([flags, 4]) },
  ]
}

/** One verdict a queue: it settles the packet with this id and all that came before. */
function dropAll(socket: NetlinkSocket, packets: readonly NetfilterPacket[]): void {
  const newest = new Map<number, number>()
  for (const { group, sequence } of packets) newest.set(group, sequence ?? 0)
  for (const [group, id] of newest)
    socket.send(
      buildRequest({
        subsystem: 'queue',
        type: MESSAGE.verdictBatch,
        group,
        sequence: 0,
        acknowledge: false,
        attributes: [{ type: VERDICT_HEADER, value: be([NF_DROP, 4], [id, 4]) }],
      }),
    )
}

/** The sixth column of the kernel's table, summed over these queues (net/netfilter/nfnetlink_queue.c: seq_show). */
export function droppedByFullQueue(table: string, queues: readonly number[]): number {
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .filter(([queue]) => queues.includes(queue ?? -1))
    .reduce((sum, columns) => sum + (columns[5] ?? 0), 0)
}

/** Only root may read it, and a daemon may be someone else with one capability: then this count stays zero. */
export function readQueueTable(): string {
  try {
    return readFileSync(PROC, 'utf8')
  } catch {
    return ''
  }
}
