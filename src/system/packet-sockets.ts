/** The packet sockets of capture/ over nfnetlink. */

import { NetlinkError, openLog, openQueue } from 'nfnetlink'
import type { PacketSockets } from '../capture/intake.ts'
import { HEADERS_MAX, headOf } from '../decode/decode.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { linesOf } from './lines.ts'

/**
 * What may wait while the daemon is busy or gets no processor: about 1.5 s of 20,000 packets a second. The memory
 * (about 1 KB a packet) is the kernel's, and used only then.
 */
const QUEUE_LENGTH = 32_768
const RECEIVE_BUFFER = 32 * 1024 * 1024

export const packetSockets: PacketSockets = {
  open(kind, numbers, onBatch, onError) {
    const groups = [...numbers]
    const options = {
      copyRange: HEADERS_MAX,
      shorten: headOf,
      receiveBuffer: RECEIVE_BUFFER,
      onBatch,
      onError,
    }
    try {
      if (kind === 'log') return openLog({ ...options, groups })
      const queue = openQueue({ ...options, queues: groups, maxLength: QUEUE_LENGTH })
      const counts = () => {
        const counted = queue.counts()
        return { ...counted, waiting: counted.waiting + waitingIn(groups) }
      }
      return { counts, [Symbol.dispose]: () => queue[Symbol.dispose]() }
    } catch (error) {
      throw error instanceof NetlinkError ? failureOf(error, kind, groups) : error
    }
  },
}

const PROC_QUEUES = '/proc/net/netfilter/nfnetlink_queue'

/** The third column of the kernel's table, summed over these queues (net/netfilter/nfnetlink_queue.c: seq_show); 0 for who may not read it. */
function waitingIn(queues: readonly number[]): number {
  let sum = 0
  for (const line of linesOf(PROC_QUEUES)) {
    const [queue, , waiting] = line.trim().split(/\s+/).map(Number)
    if (queues.includes(queue ?? -1)) sum += waiting ?? 0
  }
  return sum
}

function failureOf(error: NetlinkError, kind: 'queue' | 'log', numbers: readonly number[]): unknown {
  const what = kind === 'queue' ? 'queue' : 'NFLOG group'
  switch (error.code) {
    case 'in-use':
      return new Failure(`${what}s ${numbers[0]} to ${numbers.at(-1)} are taken by another program`, {
        exit: EXIT.unavailable,
        hint: 'Is another flypaperd running (flypaperd status)? Else set another `number` in the settings.',
        cause: error,
      })
    case 'no-permission':
      return new Failure(`no permission to open ${what} ${numbers[0]}: CAP_NET_ADMIN is missing`, {
        exit: EXIT.noPermission,
        hint: 'Run it as root: sudo flypaperd …',
        cause: error,
      })
    default:
      return new Failure(`cannot open ${what} ${numbers[0]}: ${error.message}`, {
        exit: EXIT.unavailable,
        hint: kind === 'queue' ? 'The kernel needs nfnetlink_queue.' : 'The kernel needs nfnetlink_log.',
        cause: error,
      })
  }
}
