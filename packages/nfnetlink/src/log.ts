/** NFLOG: copies of packets that a rule such as `log group 5` matched. What becomes of the packet is the rule's. */
import { be } from './message.ts'
import { COPY_RANGE, checkRange, openPackets, type PacketOptions, type PacketSocket } from './packets.ts'

export interface LogOptions extends PacketOptions {
  /** NFLOG groups, as in the rules. */
  readonly groups: readonly number[]
  /** The kernel hands over at so many packets at the latest; default 64. */
  readonly threshold?: number
  /** ... or after so many milliseconds, in steps of 10; default 0, which is the next tick of the kernel's clock. */
  readonly timeoutMs?: number
}

const CONFIG = { message: 1, command: 1, mode: 2, bufferSize: 3, timeout: 4, threshold: 5, flags: 6 }
const BIND = 1
const COPY_PACKET = 2
const FLAG_SEQUENCE = 1

const LARGEST_SLOT = 128 * 1024
const MEMORY = 512 * 1024
/** At least what the kernel adds to a buffer that it allocates (struct skb_shared_info) before it rounds up. */
const ALLOCATION_OVERHEAD = 512
/** Room for the attributes of one packet, without its payload: about 200, and a prefix of up to 128. */
const ATTRIBUTES = 384

/**
 * Listens to these groups. Throws NetlinkError: `in-use` when another socket holds one of them.
 *
 * Latency: the kernel collects packets in one datagram until the threshold is reached or the timeout passes, and
 * its own defaults are 100 packets or 1 s. A timeout of 0 brings a single packet within one tick (4 ms at 250 Hz)
 * and still lets a flood come in datagrams of 64. A rule's `queue-threshold` can only lower the threshold.
 */
export function openLog(options: LogOptions): PacketSocket {
  const { copyRange = COPY_RANGE, threshold = 64, timeoutMs = 0 } = options
  checkRange('copyRange', copyRange, 1, 0xffff - 4)
  checkRange('threshold', threshold, 1, 4096)
  checkRange('timeoutMs', timeoutMs, 0, 60_000)
  const slot = slotSize(copyRange, threshold)
  return openPackets({
    ...options,
    slots: { size: slot, count: MEMORY / slot },
    configuration: {
      subsystem: 'log',
      message: CONFIG.message,
      groups: options.groups,
      attributes: [
        { type: CONFIG.command, value: be([BIND, 1]) },
        { type: CONFIG.mode, value: be([copyRange, 4], [COPY_PACKET, 1], [0, 1]) },
        { type: CONFIG.bufferSize, value: be([slot - ALLOCATION_OVERHEAD, 4]) },
        { type: CONFIG.timeout, value: be([Math.ceil(timeoutMs / 10), 4]) },
        { type: CONFIG.threshold, value: be([threshold, 4]) },
        { type: CONFIG.flags, value: be([FLAG_SEQUENCE, 2]) },
      ],
    },
  })
}

/**
 * Long packets come fewer at once, and cost the others nothing. The kernel fills a buffer of NFULA_CFG_NLBUFSIZ bytes, or what one packet needs, to the end of the memory that
 * it got for it, which is a power of two: a slot of that power always fits.
 */
function slotSize(copyRange: number, threshold: number): number {
  const onePacket = copyRange + ATTRIBUTES + ALLOCATION_OVERHEAD
  const fullBatch = threshold * (Math.min(copyRange, COPY_RANGE) + ATTRIBUTES / 2) + ALLOCATION_OVERHEAD
  const wanted = Math.max(onePacket, Math.min(fullBatch, LARGEST_SLOT))
  return 2 ** Math.ceil(Math.log2(Math.max(wanted, 4096)))
}
