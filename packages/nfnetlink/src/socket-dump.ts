/** The sockets of this network namespace, as sock_diag(7) tells them (linux/inet_diag.h). Needs no privilege. */
import { dump, dumpLater, type Question, type Visit } from './dump.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

export interface InetSocket {
  /** 4 or 16 bytes; a view that is only valid until the callback returns. */
  readonly local: Uint8Array
  readonly localPort: number
  readonly remote: Uint8Array
}

/** IPPROTO_TCP, IPPROTO_UDP. */
export type SocketProtocol = 6 | 17
/** TCP_ESTABLISHED, TCP_CLOSE (an unconnected socket of UDP) and TCP_LISTEN of include/net/tcp_states.h. */
export const SOCKET_STATE = { established: 1, unconnected: 7, listening: 10 } as const
export type SocketState = (typeof SOCKET_STATE)[keyof typeof SOCKET_STATE]

const NETLINK_SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const AF_INET6 = 10
/** AF_INET, AF_INET6. */
const FAMILIES = [2, AF_INET6]
/** struct inet_diag_req_v2: family, protocol, extensions, padding (8 bits each), states (32 bits), struct inet_diag_sockid. */
const REQUEST = 56
/** struct inet_diag_msg: family, state, timer, retransmissions (8 bits each), struct inet_diag_sockid, 20 bytes more. */
const MESSAGE = 72
/** In inet_diag_sockid ports and addresses are in network byte order. */
const AT = { localPort: 4, local: 8, remote: 24 }

/**
 * Shows the sockets of one protocol in one state, of both families; `visit` returns false to leave off. Throws NetlinkError: `unsupported` where the
 * kernel has no inet_diag.
 */
export function visitSockets(
  protocol: SocketProtocol,
  state: SocketState,
  visit: (socket: InetSocket) => boolean,
): void {
  const reading = readingOf(visit)
  for (const family of FAMILIES) if (!reading.isEnough) dump(question(family, protocol, state), reading.visit)
}

/** The same in pieces, between which everybody has their turn. */
export async function visitSocketsLater(
  protocol: SocketProtocol,
  state: SocketState,
  visit: (socket: InetSocket) => boolean,
): Promise<void> {
  const reading = readingOf(visit)
  for (const family of FAMILIES)
    if (!reading.isEnough) await dumpLater(question(family, protocol, state), reading.visit)
}

function readingOf(visit: (socket: InetSocket) => boolean): { readonly visit: Visit; isEnough: boolean } {
  const reading = {
    isEnough: false,
    visit(view: DataView, at: number, end: number) {
      if (at + MESSAGE > end) return true
      reading.isEnough = !visit(new SocketMessage(view, at))
      return !reading.isEnough
    },
  }
  return reading
}

function question(family: number, protocol: SocketProtocol, state: SocketState): Question {
  const body = new Uint8Array(REQUEST)
  body.set([family, protocol])
  new DataView(body.buffer).setUint32(4, 1 << state, HOST_LITTLE_ENDIAN)
  return { protocol: NETLINK_SOCK_DIAG, type: SOCK_DIAG_BY_FAMILY, body }
}

/** Its addresses are made when they are asked for: a busy server has many sockets, and mostly one address of each is wanted. */
class SocketMessage implements InetSocket {
  readonly #view: DataView
  readonly #at: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
  }

  get local() {
    return this.#address(AT.local)
  }

  get remote() {
    return this.#address(AT.remote)
  }

  get localPort() {
    return this.#view.getUint16(this.#at + AT.localPort)
  }

  #address(at: number): Uint8Array {
    const size = this.#view.getUint8(this.#at) === AF_INET6 ? 16 : 4
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at + at, size)
  }
}
