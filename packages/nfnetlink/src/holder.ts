/** Who reads an NFLOG group or a queue, asked without binding it: nothing that its reader has is changed. */
import { readFileSync } from 'node:fs'
import { answerTo, PROBE, refusal } from './configure.ts'
import { ERRNO } from './libc.ts'
import { be, buildRequest, type PacketSubsystem } from './message.ts'
import { processWithPort } from './own-ports.ts'
import { emptyReading } from './parse.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'

const NETLINK_NETFILTER = 12
const RECEIVE_BUFFER = 16 * 1024
const SLOT = 4096

/** The configuring message and its command, linux/netfilter/nfnetlink_log.h and nfnetlink_queue.h. */
const CONFIG = {
  queue: { message: 2, unbind: be([2, 1], [0, 1], [0, 2]) },
  log: { message: 1, unbind: be([2, 1]) },
} as const
const COMMAND = 1

/**
 * The process that has bound this group or queue, by its number in our process namespace: the socket is told by the kernel, its
 * owner by /proc. Without a number where root alone may know (we are not), or where it is in another process namespace. Undefined when
 * nobody has bound it, without CAP_NET_ADMIN, and where the kernel has no such thing. Throws NetlinkError when the kernel does not answer.
 */
export function holderOf(
  subsystem: PacketSubsystem,
  group: number,
): { readonly pid: number | undefined } | undefined {
  if (!isHeld(subsystem, group)) return undefined
  const port = portOf(subsystem, group)
  return { pid: port === undefined ? undefined : processWithPort(port) }
}

/**
 * We unbind what we have not bound. The kernel answers EPERM where somebody else has, ENODEV where nobody has, and changes nothing
 * (nfulnl_recv_config, nfqnl_recv_config).
 */
function isHeld(subsystem: PacketSubsystem, group: number): boolean {
  using socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(SLOT, 1)
  const early = emptyReading()
  let sequence = 0
  const ask = (type: number, value?: Uint8Array): number => {
    sequence += 1
    const attributes = value === undefined ? [] : [{ type: COMMAND, value }]
    socket.send(buildRequest({ subsystem, type, group, sequence, acknowledge: true, attributes }))
    return answerTo(sequence, socket, slots, subsystem, early)
  }
  if (refusal('probe', ask(PROBE)) !== undefined) return false
  const { message, unbind } = CONFIG[subsystem]
  return ask(message, unbind) === ERRNO.EPERM
}

/** The second column of the kernel's table (seq_show of net/netfilter/nfnetlink_log.c and nfnetlink_queue.c), which root alone may read. */
function portOf(subsystem: PacketSubsystem, group: number): number | undefined {
  try {
    const table = readFileSync(`/proc/net/netfilter/nfnetlink_${subsystem}`, 'utf8')
    const lines = table.split('\n').map(line => line.trim().split(/\s+/).map(Number))
    return lines.find(([number]) => number === group)?.[1]
  } catch {
    return undefined
  }
}
