/**
 * Syslog, as the C library speaks it to /dev/log: a datagram a line, RFC 3164 without a host name. Its syslog(3) waits for a
 * daemon that does not read, for good; this does not.
 */
import { constants } from 'node:os'
import type { Outlet } from './outlet.ts'
import { type UnixDatagrams, unixDatagrams } from './unix-datagram.ts'

const DEV_LOG = '/dev/log'

/** Priorities and facilities of RFC 5424, as <syslog.h> has them. */
export const PRIORITY = { error: 3, warn: 4, info: 6 } as const
export const LOG_AUTHPRIV = 10 << 3

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export interface Syslog extends Outlet {
  /** Completes "the log cannot go to syslog: …"; undefined when somebody listens. */
  problem(): string | undefined
}

export function openSyslog(): Syslog {
  const socket: UnixDatagrams = unixDatagrams(DEV_LOG)!
  return {
    problem() {
      const errno = socket.reach()
      if (errno === undefined) return undefined
      if (errno === constants.errno.ENOENT) return `there is no ${DEV_LOG}`
      if (errno === constants.errno.ECONNREFUSED) return `nobody listens at ${DEV_LOG}`
      if (errno === constants.errno.EPROTOTYPE)
        return `${DEV_LOG} is a stream socket, and only datagrams are spoken here`
      return `${DEV_LOG} cannot be reached (errno ${errno})`
    },
    callsBack: false,
    offer: bytes => (socket.send(bytes) ? bytes.length : 0),
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

/** `<86>Jan  2 03:04:05 flypaperd[123]: lockout …`, facility authpriv, local time. */
export function syslogLine(priority: number, text: string, at: Date): string {
  const day = String(at.getDate()).padStart(2)
  const stamp = `${MONTHS[at.getMonth()]} ${day} ${at.toTimeString().slice(0, 8)}`
  return `<${LOG_AUTHPRIV | priority}>${stamp} flypaperd[${process.pid}]: ${text}`
}
