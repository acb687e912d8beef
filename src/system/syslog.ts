/** syslog(3) of the C library. */
import koffi from 'koffi'

/** Priorities and facilities of RFC 5424, as <syslog.h> has them. */
export const PRIORITY = { error: 3, warn: 4, info: 6 } as const
const LOG_PID = 0x01
const LOG_AUTHPRIV = 10 << 3

export interface Syslog extends Disposable {
  write(priority: number, line: string): void
}

/** Opens syslog as this program, facility authpriv. Without a syslog daemon the lines go nowhere; nothing fails. */
export function openSyslog(ident: string): Syslog {
  const libc = koffi.load(null)
  const openlog = libc.func('void openlog(void *ident, int option, int facility)')
  const syslog = libc.func('void syslog(int priority, const char *format, ...)')
  const closelog = libc.func('void closelog()')

  // openlog(3) keeps the pointer, not the text: it must stay where it is until closelog(3).
  const length = Buffer.byteLength(ident) + 1
  const kept = koffi.alloc('char', length)
  koffi.encode(kept, 'char', ident, length)
  openlog(kept, LOG_PID, LOG_AUTHPRIV)

  return {
    // The format is never the text: strangers can have a say in that.
    write: (priority, line) => void syslog(priority, '%s', 'const char *', line),
    [Symbol.dispose]() {
      closelog()
      koffi.free(kept)
    },
  }
}
