/** The sockets of this machine: by sock_diag or, where the kernel has no inet_diag or a sandbox refuses it, from /proc/net. */
import { isReadable, linesOf } from './lines.ts'
import {
  type InetSocket,
  NetlinkError,
  SOCKET_STATE,
  type SocketProtocol,
  type SocketState,
  visitSockets,
} from './nfnetlink/index.ts'
import { parseSocket } from './proc-net.ts'

/** Sockets of one kind that one look reads: 50 ms of this thread, at most. */
export const SOCKETS_MAX = 65_536

/** How a reading ended: `cut` after SOCKETS_MAX, `untold` when nobody tells which sockets there are. */
export type Told = 'whole' | 'cut' | 'untold'

export type Visit = (socket: InetSocket) => boolean

export function connections(visit: Visit): Told {
  return read(6, SOCKET_STATE.established, visit)
}

/** Sockets that wait for whomever: those that listen, and those of UDP that are not connected. */
export function waitingSockets(protocol: SocketProtocol, visit: Visit): Told {
  return read(protocol, protocol === 6 ? SOCKET_STATE.listening : SOCKET_STATE.unconnected, visit)
}

function read(protocol: SocketProtocol, state: SocketState, visit: Visit): Told {
  let count = 0
  const counted: Visit = socket => ++count <= SOCKETS_MAX && visit(socket)
  try {
    visitSockets(protocol, state, counted)
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    // What was shown already is shown again.
    count = 0
    if (!visitTables(protocol, state, counted)) return 'untold'
  }
  return count > SOCKETS_MAX ? 'cut' : 'whole'
}

/** Whether there are such tables; that of IPv6 may be missing. */
export function visitTables(protocol: SocketProtocol, state: SocketState, visit: Visit): boolean {
  const table = `/proc/net/${protocol === 6 ? 'tcp' : 'udp'}`
  if (!isReadable(table)) return false
  for (const path of [table, `${table}6`]) {
    for (const line of linesOf(path)) {
      const socket = parseSocket(line)
      if (socket?.state === state && !visit(socket)) return true
    }
  }
  return true
}
