/** Sockets that systemd has opened for us: sd_listen_fds(3). */
import koffi from 'koffi'

type Environment = Readonly<Record<string, string | undefined>>

export interface Passed {
  readonly fd: number
  /** Where it lies; undefined for one that is no Unix socket. */
  readonly path: string | undefined
}

const FIRST = 3
/** More than any unit of ours has. */
const MOST = 16
const AF_UNIX = 1
/** `struct sockaddr_un`: the family in 16 bits, then the path. */
const SOCKADDR_UN = 110

/** None where they were meant for another process. */
export function passedSockets(
  { LISTEN_PID, LISTEN_FDS }: Environment,
  pid: number,
  pathOf = pathOfSocket,
): readonly Passed[] {
  if (LISTEN_PID !== `${pid}` || !/^\d{1,2}$/.test(LISTEN_FDS ?? '')) return []
  const fds = Array.from({ length: Math.min(Number(LISTEN_FDS), MOST) }, (_, i) => FIRST + i)
  return fds.map(fd => ({ fd, path: pathOf(fd) }))
}

/** Node does not tell it of a descriptor. */
function pathOfSocket(fd: number): string | undefined {
  const getsockname = koffi
    .load(null)
    .func('int getsockname(int fd, void *address, _Inout_ uint32_t *length)')
  const address = Buffer.alloc(SOCKADDR_UN)
  const length = Uint32Array.of(SOCKADDR_UN)
  if (getsockname(fd, address, length) !== 0 || address.readUInt16LE(0) !== AF_UNIX) return undefined
  const [path] = address.toString('utf8', 2, Math.min(length[0] ?? 0, SOCKADDR_UN)).split('\0')
  return path
}
