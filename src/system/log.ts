/** Where the log goes: to the journal, to the terminal, or to syslog. The world decides, no setting. */
import { fstatSync, writeSync } from 'node:fs'
import type { Log } from '../record/log.ts'
import { escapeText } from '../terms/escape.ts'
import { openSyslog, PRIORITY } from './syslog.ts'

export interface LogWorld {
  readonly env: Readonly<Record<string, string | undefined>>
  /** isatty(3) of descriptor 1. */
  readonly stdoutIsTerminal: boolean
}

/** Opens the log that this world has. A log never throws: what cannot be written is lost, the daemon goes on. */
export function openLog(world: LogWorld): Log & Disposable {
  if (stderrIsJournal(world.env.JOURNAL_STREAM)) return journalLog()
  if (world.stdoutIsTerminal) return terminalLog()
  return syslogLog()
}

/** systemd.exec(5): the variable may be inherited, so the device and inode in it must be those of our own stderr. */
function stderrIsJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(2, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}

/** sd-daemon(3): a line that begins with `<6>` has that priority. The facility is set by the unit. */
function journalLog(): Log & Disposable {
  const write = lineWriter(2)
  return logOf((priority, line) => write(`<${priority}>${line}`))
}

function terminalLog(): Log & Disposable {
  const write = lineWriter(1)
  return logOf((_, line) => write(`${new Date().toTimeString().slice(0, 8)} ${line}`))
}

function syslogLog(): Log & Disposable {
  const syslog = openSyslog('flypaperd')
  return logOf(syslog.write, () => syslog[Symbol.dispose]())
}

function logOf(write: (priority: number, line: string) => void, close = () => {}): Log & Disposable {
  return {
    info: line => write(PRIORITY.info, escapeText(line)),
    warn: line => write(PRIORITY.warn, escapeText(line)),
    error: line => write(PRIORITY.error, escapeText(line)),
    [Symbol.dispose]: close,
  }
}

/** A reader that is gone (EPIPE, EIO) or too slow (EAGAIN) costs lines, never the daemon; a later line says how many. */
function lineWriter(fd: number): (line: string) => void {
  let lost = 0
  return line => {
    try {
      let rest = Buffer.from(lost === 0 ? `${line}\n` : `${line} (${lost} lines before this one are lost)\n`)
      while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
      lost = 0
    } catch {
      lost += 1
    }
  }
}
