/** The sockets of this machine: by sock_diag or, where the kernel has no inet_diag or a sandbox refuses it, from /proc/net. */

import {
  type InetSocket,
  NetlinkError,
  SOCKET_STATE,
  type SocketProtocol,
  type SocketState,
  visitSockets,
  visitSocketsLater,
} from 'nfnetlink'
import { isReadable, linesOf } from './lines.ts'
import { parseSocket } from './proc-net.ts'

/** Connections that a look reads. */
export const SOCKETS_MAX = 262_144
/** Sockets of one protocol that wait for whomever: a port each, and all of them at once. */
export const WAITING_SOCKETS_MAX = 65_536
/** From so many connections on they are read in pieces, at the cost of 1.3 µs each: about ten milliseconds at once, at most. */
export const SOCKETS_AT_ONCE = 8192
/** The same of the tables under /proc/net, where one costs 5 to 10 µs and all are read at once. */
export const TABLE_SOCKETS_MAX = 16_384

/** How a reading ended: `cut` after the bound, `untold` when nobody tells which sockets there are. */
export type Told = 'whole' | 'cut' | 'untold'

export type Visit = (socket: InetSocket) => boolean

export function connections(visit: Visit): Told {
  return read(6, SOCKET_STATE.established, SOCKETS_MAX, visit)
}

/** The same in pieces, between which everybody has their turn. */
export async function connectionsLater(visit: Visit): Promise<Told> {
  const counted = upTo(SOCKETS_MAX, visit)
  try {
    await visitSocketsLater(6, SOCKET_STATE.established, counted.visit)
    return counted.told()
  } catch (error) {
    return fallBack(error, 6, SOCKET_STATE.established, visit)
  }
}

/** Sockets that wait for whomever: those that listen, and those of UDP that are not connected. */
export function waitingSockets(protocol: SocketProtocol, visit: Visit): Told {
  const state = protocol === 6 ? SOCKET_STATE.listening : SOCKET_STATE.unconnected
  return read(protocol, state, WAITING_SOCKETS_MAX, visit)
}

function read(protocol: SocketProtocol, state: SocketState, most: number, visit: Visit): Told {
  const counted = upTo(most, visit)
  try {
    visitSockets(protocol, state, counted.visit)
    return counted.told()
  } catch (error) {
    return fallBack(error, protocol, state, visit)
  }
}

/** What was shown already is shown again. */
function fallBack(error: unknown, protocol: SocketProtocol, state: SocketState, visit: Visit): Told {
  if (!(error instanceof NetlinkError)) throw error
  const counted = upTo(TABLE_SOCKETS_MAX, visit)
  return visitTables(protocol, state, counted.visit) ? counted.told() : 'untold'
}

function upTo(most: number, visit: Visit) {
  let count = 0
  return {
    visit: (socket: InetSocket) => ++count <= most && visit(socket),
    told: (): Told => (count > most ? 'cut' : 'whole'),
  }
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
