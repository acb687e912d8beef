/** The packet sockets of capture/ over nfnetlink. */
import type { PacketSockets } from '../capture/intake.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { NetlinkError, openLog, openQueue } from './nfnetlink/index.ts'

export const packetSockets: PacketSockets = {
  open(kind, numbers, onBatch, onError) {
    const groups = [...numbers]
    try {
      return kind === 'queue'
        ? openQueue({ queues: groups, onBatch, onError })
        : openLog({ groups, onBatch, onError })
    } catch (error) {
      throw error instanceof NetlinkError ? failureOf(error, kind, groups) : error
    }
  },
}

function failureOf(error: NetlinkError, kind: 'queue' | 'log', numbers: readonly number[]): unknown {
  const what = kind === 'queue' ? 'queue' : 'NFLOG group'
  switch (error.code) {
    case 'in-use':
      return new Failure(`${what} ${numbers.join(' or ')} is taken by another program`, {
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
