/** Datagrams to a unix socket that is named by its path, unix(7): Node has none. Nothing here ever waits. */
import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
/** sizeof(sun_path), unix(7). */
const PATH_BYTES = 108

export interface UnixDatagrams extends Disposable {
  /** Whether the kernel took it; not, when nobody is there, or whoever is there does not read. */
  send(bytes: Uint8Array): boolean
  /** Undefined when somebody is there, else the number of the error that connect(2) gets. */
  reach(): number | undefined
}

/** A leading @ stands for the zero byte of the abstract namespace. Undefined for what is no such address. */
export function unixDatagrams(path: string): UnixDatagrams | undefined {
  const address = addressOf(path)
  if (address === undefined) return undefined
  const libc = koffi.load(null)
  const socket = libc.func('socket', 'int', ['int', 'int', 'int'])
  const connect = libc.func('connect', 'int', ['int', 'void *', 'uint'])
  const sendto = libc.func('sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint'])
  const close = libc.func('close', 'int', ['int'])
  let fd = -1

  return {
    // The address is looked up each time: whoever is restarted behind it gets the next datagram.
    send(bytes) {
      if (fd < 0) fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
      if (fd < 0) return false
      const sent = sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length)
      return Number(sent) >= 0
    },
    reach() {
      const trial = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
      const failed = trial < 0 || connect(trial, address, address.length) !== 0
      const errno = failed ? koffi.errno() : undefined
      if (trial >= 0) close(trial)
      return errno
    },
    [Symbol.dispose]() {
      if (fd >= 0) close(fd)
      fd = -1
    },
  }
}

/** struct sockaddr_un. */
function addressOf(path: string): Uint8Array | undefined {
  const bytes = Buffer.from(path)
  if (!/^[/@]./.test(path) || bytes.length >= PATH_BYTES) return undefined
  if (bytes[0] === 0x40) bytes[0] = 0
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer)
  return Buffer.concat([family, bytes])
}
