/** A non-blocking netlink socket: open, send, receive, and be called when something came. */
import koffi, { type node as uv } from 'koffi'
import { NetlinkError } from './error.ts'
import * as C from './libc.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'
import type { Slots } from './slots.ts'

export interface NetlinkSocket extends Disposable {
  /** Sends one message to the kernel, which acts on it before this returns; throws NetlinkError. */
  send(message: Uint8Array): void
  /** The same on another thread: what is asked for may take the kernel long. Not to be closed meanwhile. */
  sendLater(message: Uint8Array): Promise<void>
  /** The same as `send`; returns the errno, 0 when it was sent. */
  trySend(message: Uint8Array): number
  /** Receives what is there, at most `slots.count` datagrams; returns how many, or the errno below zero. */
  receive(slots: Slots): number
  /**
   * The same on another thread: to make a piece of a dump the kernel walks over all that went before, which takes tens of
   * milliseconds in a large set. Not to be closed meanwhile.
   */
  receiveLater(slots: Slots): Promise<number>
  /** Whenever something came, receives it and says how many datagrams; closes itself when it cannot go on. */
  watch(slots: Slots, onReceived: (count: number) => void, onError: (error: NetlinkError) => void): void
  /** From now on the kernel keeps what it announces of these few ports for itself; where it cannot, everything comes as before. */
  ignore(ports: readonly number[]): void
  /** Until `resume` nothing is received, and the process is not woken. */
  pause(): void
  resume(): void
  /** Datagrams that found no room in the receive buffer, ever. */
  overruns(): number
  readonly closed: boolean
}

/**
 * Opens a socket of this netlink protocol (NETLINK_ROUTE 0, NETLINK_NETFILTER 12), a member of these multicast
 * groups, with a receive buffer of that many bytes; throws NetlinkError.
 *
 * NETLINK_NO_ENOBUFS: without it, one overrun makes the kernel refuse everything until the buffer is empty.
 * NETLINK_CAP_ACK: without it, the kernel repeats a whole refused request in its answer.
 */
export function openSocket(protocol: number, multicast: number, receiveBuffer: number): NetlinkSocket {
  if (koffi.sizeof('void *') !== 8) throw new NetlinkError('unsupported', 'netlink needs a 64-bit machine', 0)
  const libc = C.loadLibc()
  const type = C.SOCK_RAW | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC
  const fd = libc.socket(C.AF_NETLINK, type, protocol)
  if (fd < 0) throw openingError('cannot open a netlink socket', libc.errno())
  try {
    const size = int(Math.min(receiveBuffer, 0x3fffffff))
    const forced = libc.setsockopt(fd, C.SOL_SOCKET, C.SO_RCVBUFFORCE, size, 4) === 0
    if (!forced) libc.setsockopt(fd, C.SOL_SOCKET, C.SO_RCVBUF, size, 4)
    libc.setsockopt(fd, C.SOL_NETLINK, C.NETLINK_NO_ENOBUFS, int(1), 4)
    libc.setsockopt(fd, C.SOL_NETLINK, C.NETLINK_CAP_ACK, int(1), 4)
    if (libc.bind(fd, kernelAddress(multicast), 12) < 0)
      throw openingError('cannot bind a netlink socket', libc.errno())
  } catch (error) {
    libc.close(fd)
    throw error
  }
  return socketOf(libc, fd)
}

/** Returns the socket when that went well; closes it and throws again when not. No DisposableStack: Node 20 has none. */
export function closedIfThrown(socket: NetlinkSocket, act: () => void): NetlinkSocket {
  try {
    act()
    return socket
  } catch (error) {
    socket[Symbol.dispose]()
    throw error
  }
}

/** Errors of receiving after which the next attempt may succeed. */
const TRANSIENT = new Set<number>([0, C.ERRNO.EAGAIN, C.ERRNO.EINTR, C.ERRNO.ENOMEM, C.ERRNO.ENOBUFS])

/**
 * Times that one wake-up reads at most: who sends faster than this reads must not keep the event loop from everything else. The poll is
 * level-triggered and comes back at once while there is more.
 */
const READS_MAX = 64
/** The longest message that is sent, if the kernel gives room for it; it gives 200 KB unasked. */
const SEND_MAX = 16 * 1024 * 1024

function socketOf(libc: C.Libc, fd: number): NetlinkSocket {
  const meminfo = new Uint32Array(new ArrayBuffer(9 * 4))
  const address = kernelAddress(0)
  // Keep the handle: koffi stops polling, silently, when it is collected.
  let handle: uv.PollHandle | undefined
  let readable = () => {}
  let isReading = false
  let closed = false
  let dropped = 0
  let isRoomy = false

  /** Once, and where it is allowed: not to an ordinary user, in a user namespace. */
  function makeRoom(length: number): boolean {
    if (isRoomy || length > SEND_MAX) return false
    isRoomy = libc.setsockopt(fd, C.SOL_SOCKET, C.SO_SNDBUFFORCE, int(SEND_MAX), 4) === 0
    return isRoomy
  }

  return {
    get closed() {
      return closed
    },
    send(message) {
      const errno = this.trySend(message)
      if (errno !== 0) throw new NetlinkError('failed', 'cannot send to netlink', errno)
    },
    async sendLater(message) {
      // The errno is that of the other thread: tried again here, it tells.
      if ((await libc.sendtoLater(fd, message, message.length, 0, address, 12)) < 0) this.send(message)
    },
    trySend(message) {
      for (;;) {
        if (libc.sendto(fd, message, message.length, 0, address, 12) >= 0) return 0
        const errno = libc.errno()
        if (errno === C.ERRNO.EMSGSIZE && makeRoom(message.length)) continue
        if (errno !== C.ERRNO.EINTR) return errno
      }
    },
    receive(slots) {
      const count = libc.recvmmsg(fd, slots.vector, slots.count, C.MSG_DONTWAIT, null)
      return count < 0 ? -libc.errno() : count
    },
    async receiveLater(slots) {
      const count = await libc.recvmmsgLater(fd, slots.vector, slots.count, C.MSG_DONTWAIT, null)
      // The errno is that of the other thread: asked again here, it tells, or has something by now.
      return count < 0 ? this.receive(slots) : count
    },
    watch(slots, onReceived, onError) {
      readable = () => {
        for (let reads = 0; reads < READS_MAX && isReading; reads++) {
          const count = this.receive(slots)
          if (count > 0) onReceived(count)
          else if (!TRANSIENT.has(-count)) {
            this[Symbol.dispose]()
            onError(new NetlinkError('failed', 'a netlink socket broke and is closed', -count))
          }
          if (count < slots.count) return
        }
      }
      this.resume()
    },
    pause() {
      isReading = false
      handle?.stop()
    },
    resume() {
      if (isReading || closed) return
      isReading = true
      if (handle === undefined) handle = koffi.node.poll(fd, { readable: true }, readable)
      else handle.start({ readable: true }, readable)
    },
    ignore(ports) {
      const program = filterOf(ports)
      const described = new Uint8Array(new ArrayBuffer(16)) // struct sock_fprog
      const view = new DataView(described.buffer)
      view.setUint16(0, program.length / INSTRUCTION, HOST_LITTLE_ENDIAN)
      view.setBigUint64(8, koffi.address(program), HOST_LITTLE_ENDIAN)
      libc.setsockopt(fd, C.SOL_SOCKET, C.SO_ATTACH_FILTER, described, 16)
    },
    overruns() {
      // SK_MEMINFO_DROPS (linux/sock_diag.h) is the ninth number; it counts on under NETLINK_NO_ENOBUFS.
      const told = closed || libc.getsockopt(fd, C.SOL_SOCKET, C.SO_MEMINFO, bytesOf(meminfo), int(36)) < 0
      if (!told) dropped = meminfo[8] ?? 0
      return dropped
    },
    [Symbol.dispose]() {
      if (closed) return
      this.overruns()
      closed = true
      isReading = false
      handle?.close()
      handle = undefined
      libc.close(fd)
    },
  }
}

const INSTRUCTION = 8
const BPF = { loadWord: 0x20, jumpIfEqual: 0x15, return: 0x06 }
/** The port that nlmsghdr names. */
const PORT_AT = 12

/** Classic BPF (linux/filter.h): nothing of a datagram whose first message names one of these ports, all of any other. */
function filterOf(ports: readonly number[]): Uint8Array {
  const jumps = ports.map((port, i) => [BPF.jumpIfEqual, ports.length - i, bigEndian(port)] as const)
  const program = [
    [BPF.loadWord, 0, PORT_AT],
    ...jumps,
    [BPF.return, 0, 0xffff_ffff],
    [BPF.return, 0, 0],
  ] as const
  const bytes = new Uint8Array(new ArrayBuffer(program.length * INSTRUCTION))
  const view = new DataView(bytes.buffer)
  for (const [i, [code, ifTrue, value]] of program.entries()) {
    view.setUint16(i * INSTRUCTION, code, HOST_LITTLE_ENDIAN)
    view.setUint8(i * INSTRUCTION + 2, ifTrue)
    view.setUint32(i * INSTRUCTION + 4, value, HOST_LITTLE_ENDIAN)
  }
  return bytes
}

/** A word of the header, as the filter loads it: it takes everything for big-endian. */
function bigEndian(word: number): number {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, word, HOST_LITTLE_ENDIAN)
  return view.getUint32(0)
}

/** struct sockaddr_nl (linux/netlink.h): port 0 is the kernel; in bind, a port of its choice. */
function kernelAddress(multicast: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(12))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, C.AF_NETLINK, HOST_LITTLE_ENDIAN)
  view.setUint32(8, multicast, HOST_LITTLE_ENDIAN)
  return bytes
}

function openingError(doing: string, errno: number): NetlinkError {
  if (errno === C.ERRNO.EPROTONOSUPPORT || errno === C.ERRNO.EAFNOSUPPORT)
    return new NetlinkError('unsupported', doing, errno)
  return new NetlinkError(errno === C.ERRNO.EPERM ? 'no-permission' : 'failed', doing, errno)
}

function int(value: number): Uint8Array {
  return bytesOf(Int32Array.of(value))
}

function bytesOf(numbers: Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer)
}
