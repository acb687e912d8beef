/**
 * Where bytes can be left without waiting, whatever hangs behind the descriptor. An inherited one may be shared with a
 * shell, which O_NONBLOCK would surprise: so each kind has a way of its own that leaves its flags alone.
 */
import { closeSync, constants, fstatSync, openSync, type Stats, write, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import koffi from 'koffi'

export interface Outlet extends Disposable {
  /** How many of the bytes it takes now: none when whoever reads is slow, or gone. */
  offer(bytes: Buffer): number
  /** It goes on without being asked, and calls `onRoom`; the others are to be asked again. */
  readonly callsBack: boolean
}

const POLLOUT = 4
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
/** A pipe that poll(2) calls writable takes so many at once: pipe(7), PIPE_BUF. */
const PIPE_BYTES = 4096
const NONE = Buffer.alloc(0)

/** `onRoom` is called when an outlet that calls back takes more again. */
export function openOutlet(fd: number, onRoom: () => void): Outlet {
  const kind = kindOf(fd)
  if (kind?.isSocket()) return socketOutlet(fd)
  return kind?.isFile() ? threadOutlet(fd, onRoom) : streamOutlet(fd, onRoom)
}

function kindOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd)
  } catch {
    return undefined // A descriptor that is closed: nothing can be written.
  }
}

/** Standard error of a unit of systemd is a stream socket to the journal. */
function socketOutlet(fd: number): Outlet {
  const send = koffi.load(null).func('long send(int, void *, size_t, int)')
  return {
    callsBack: false,
    offer: bytes => Math.max(0, Number(send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL))),
    [Symbol.dispose]() {},
  }
}

/**
 * A pipe or a terminal is opened once more, without waiting. It may be another user's, and that forbidden: then poll(2) is asked
 * before each piece for a pipe, where only somebody else who fills it in that very moment can make us wait. Of a
 * terminal poll(2) says that it is writable when it is not: a thread waits for that.
 */
function streamOutlet(fd: number, onRoom: () => void): Outlet {
  const own = openAgain(fd)
  if (own === undefined && isatty(fd)) return threadOutlet(fd, onRoom)
  const isWritable = own === undefined ? poller(fd) : () => true
  return {
    callsBack: false,
    offer(bytes) {
      let taken = 0
      try {
        while (taken < bytes.length && isWritable())
          taken += writeSync(own ?? fd, bytes, taken, Math.min(PIPE_BYTES, bytes.length - taken))
      } catch {
        // EAGAIN: it is full. EPIPE, EIO: nobody reads it any more.
      }
      return taken
    },
    [Symbol.dispose]() {
      if (own !== undefined) closeSync(own)
    },
  }
}

function openAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}

function poller(fd: number): () => boolean {
  const poll = koffi.load(null).func('int poll(void *, unsigned long, int)')
  const asked = Buffer.alloc(8) // struct pollfd
  asked.writeInt32LE(fd)
  asked.writeInt16LE(POLLOUT, 4)
  return () => poll(asked, 1, 0) === 1 && (asked.readInt16LE(6) & POLLOUT) !== 0
}

/**
 * No call writes to a file without waiting for its disk, so a thread of Node's pool waits. What a full disk did not take is
 * kept and tried before anything else. The program cannot end while that thread waits.
 */
function threadOutlet(fd: number, onRoom: () => void): Outlet {
  let isWriting = false
  let rest: Buffer = NONE
  function begin(bytes: Buffer): void {
    isWriting = true
    write(fd, bytes, (error, written) => {
      isWriting = false
      rest = bytes.subarray(error ? 0 : written)
      if (rest.length === 0) onRoom()
    })
  }
  return {
    callsBack: true,
    offer(bytes) {
      if (isWriting) return 0
      const isFree = rest.length === 0
      begin(isFree ? bytes : rest)
      return isFree ? bytes.length : 0
    },
    [Symbol.dispose]() {},
  }
}
