/** The seven functions of libc that netlink needs, and their constants (socket(7), netlink(7), recvmmsg(2)). */
import { promisify } from 'node:util'
import koffi from 'koffi'

export const AF_NETLINK = 16
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_RCVBUF = 8
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SO_MEMINFO = 55
export const SO_ATTACH_FILTER = 26
export const SOL_NETLINK = 270
export const NETLINK_NO_ENOBUFS = 5
export const NETLINK_CAP_ACK = 10
export const MSG_DONTWAIT = 0x40
export const MSG_TRUNC = 0x20

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENOBUFS: 105,
  /** Internal to the kernel, yet it leaks through nfnetlink. */
  ENOTSUPP: 524,
} as const

type Call = (...args: (number | bigint | Uint8Array | null)[]) => number

/** Each returns what the C function returns, -1 for an error that `errno()` then tells, except for those on another thread. */
export interface Libc {
  readonly socket: Call
  readonly bind: Call
  readonly setsockopt: Call
  readonly getsockopt: Call
  readonly sendto: Call
  readonly recvmmsg: Call
  /** The same two, called on a thread of the pool of libuv. */
  readonly sendtoLater: (...args: Parameters<Call>) => Promise<number>
  readonly recvmmsgLater: (...args: Parameters<Call>) => Promise<number>
  readonly close: Call
  errno(): number
}

/** Looked up in the running process, so glibc and musl are the same. `ssize_t` is unknown to koffi: long. */
export function loadLibc(): Libc {
  const library = koffi.load(null)
  const sendto = library.func('sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint'])
  const recvmmsg = library.func('recvmmsg', 'int', ['int', 'void *', 'uint', 'int', 'void *'])
  return {
    socket: library.func('socket', 'int', ['int', 'int', 'int']),
    bind: library.func('bind', 'int', ['int', 'void *', 'uint']),
    setsockopt: library.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']),
    getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
    sendto,
    recvmmsg,
    sendtoLater: promisify(sendto.async as (...args: unknown[]) => void),
    recvmmsgLater: promisify(recvmmsg.async as (...args: unknown[]) => void),
    close: library.func('close', 'int', ['int']),
    errno: () => koffi.errno(),
  }
}
