/** The sockets of this network namespace, as sock_diag(7) tells them (linux/inet_diag.h). Needs no privilege. */
import { dump } from './dump.ts'
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
const AF_INET = 2
const AF_INET6 = 10
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
  let isEnough = false
  for (const family of [AF_INET, AF_INET6]) {
    if (isEnough) return
    const body = new Uint8Array(REQUEST)
    body.set([family, protocol])
    new DataView(body.buffer).setUint32(4, 1 << state, HOST_LITTLE_ENDIAN)
    dump({ protocol: NETLINK_SOCK_DIAG, type: SOCK_DIAG_BY_FAMILY, body }, (view, at, end) => {
      if (at + MESSAGE > end) return true
      const size = view.getUint8(at) === AF_INET6 ? 16 : 4
      isEnough = !visit({
        local: new Uint8Array(view.buffer, view.byteOffset + at + AT.local, size),
        localPort: view.getUint16(at + AT.localPort),
        remote: new Uint8Array(view.buffer, view.byteOffset + at + AT.remote, size),
      })
      return !isEnough
    })
  }
}
