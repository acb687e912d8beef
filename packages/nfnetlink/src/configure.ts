/**
 * Binding groups and queues: requests out, the kernel's answers read and checked.
 *
 * The kernel says EPERM without CAP_NET_ADMIN, and also for a group that another socket holds. So the first
 * request is one that it refuses to everybody, but only after it has asked for the capability.
 */
import { NetlinkError, type NetlinkErrorCode } from './error.ts'
import { ERRNO } from './libc.ts'
import { type Attribute, buildRequest, type PacketSubsystem } from './message.ts'
import { emptyReading, type Reading, readDatagram } from './parse.ts'
import type { Slots } from './slots.ts'
import type { NetlinkSocket } from './socket.ts'

export interface Configuration {
  readonly subsystem: PacketSubsystem
  /** Message type of configuration in that subsystem. */
  readonly message: number
  /** NFLOG groups or queue numbers. */
  readonly groups: readonly number[]
  /** Binds the group and sets everything, in one message, so that there is no moment with half of it. */
  readonly attributes: readonly Attribute[]
}

/** NFULNL_MSG_PACKET, NFQNL_MSG_PACKET: from the kernel only. */
export const PROBE = 0

type BindingErrorCode = Extract<NetlinkErrorCode, 'no-permission' | 'in-use' | 'unsupported' | 'failed'>

/** Binds every group; returns what came between the answers, from groups bound already. Throws NetlinkError. */
export function configure(socket: NetlinkSocket, slots: Slots, configuration: Configuration): Reading {
  const { subsystem, message, groups, attributes } = configuration
  const early = emptyReading()
  let sequence = 0
  const ask = (type: number, group: number, content: readonly Attribute[]): number => {
    sequence += 1
    socket.send(buildRequest({ subsystem, type, group, sequence, acknowledge: true, attributes: content }))
    return answerTo(sequence, socket, slots, subsystem, early)
  }
  check('probe', `nfnetlink_${subsystem}`, ask(PROBE, 0, []))
  for (const group of groups) {
    const name = subsystem === 'log' ? `NFLOG group ${group}` : `queue ${group}`
    check('bind', name, ask(message, group, attributes))
  }
  early.answers.length = 0
  return early
}

/** What the kernel's answer to the probe or to a bind means; undefined when it is good. */
export function refusal(asked: 'probe' | 'bind', errno: number): BindingErrorCode | undefined {
  switch (errno) {
    case 0:
      return undefined
    case ERRNO.ENOTSUPP:
    case ERRNO.EOPNOTSUPP:
      return asked === 'probe' ? undefined : 'unsupported'
    case ERRNO.EPERM:
      return asked === 'probe' ? 'no-permission' : 'in-use'
    case ERRNO.EBUSY:
      return 'in-use'
    case ERRNO.EINVAL: // no such subsystem, and no module for it
      return asked === 'probe' ? 'unsupported' : 'failed'
    default:
      return 'failed'
  }
}

function check(asked: 'probe' | 'bind', name: string, errno: number): void {
  const code = refusal(asked, errno)
  if (code === undefined) return
  const sentence = {
    'no-permission': `${name} needs CAP_NET_ADMIN`,
    'in-use': `${name} is held by another socket`,
    unsupported: `this kernel has no ${name}`,
    failed: `cannot bind ${name}`,
  }[code]
  throw new NetlinkError(code, sentence, errno)
}

/** The kernel has answered before send returns, so the answer is there, behind a finite number of packets. */
export function answerTo(
  sequence: number,
  socket: NetlinkSocket,
  slots: Slots,
  of: PacketSubsystem,
  early: Reading,
): number {
  for (;;) {
    const count = socket.receive(slots)
    if (count <= 0) throw new NetlinkError('failed', 'the kernel did not answer a netlink request', -count)
    // Copies: the slots are overwritten before these packets are handed on.
    for (let slot = 0; slot < count; slot++) readDatagram(slots.datagram(slot).slice(), of, early)
    const answer = early.answers.find(one => one.sequence === sequence)
    if (answer !== undefined) return answer.errno
  }
}
