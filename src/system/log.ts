/** Where the log goes: to the journal, to the terminal, to syslog or to standard error. */
import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { DaemonLog, Facts } from '../log/log.ts'
import type { LogTo } from '../settings/settings.ts'
import { escapeText, jsonText } from '../terms/escape.ts'
import { type Journal, openJournal } from './journal.ts'
import { openOutlet } from './outlet.ts'
import { openSyslog, PRIORITY, syslogLine } from './syslog.ts'
import { waitingLines } from './waiting-lines.ts'

export interface LogWorld {
  readonly env: Readonly<Record<string, string | undefined>>
  /** isatty(3) of descriptor 1. */
  readonly stdoutIsTerminal: boolean
}

type Level = keyof typeof PRIORITY

/** A place for lines, and how a line is written there. */
interface Place {
  readonly where?: string
  readonly open: Parameters<typeof waitingLines>[0]
  readonly format: (level: Level, line: string, facts?: Facts) => string
  /** Takes lines with their facts, where it does; what it does not take is a line as the others. */
  readonly journal?: () => Journal | undefined
}

/** Longer lines are cut: syslog daemons take no longer ones. */
const LINE_CHARACTERS = 8192

/** Opens the log. It never throws and never waits: what cannot be written in time is lost and counted, the daemon goes on. */
export function openLog(world: LogWorld, to: LogTo): DaemonLog & Disposable {
  const chosen = choose(world, to)
  const { where, open, format, journal: openDirect }: Place = 'problem' in chosen ? STANDARD_ERROR : chosen
  const bytes = (...line: Parameters<Place['format']>) => Buffer.from(format(...line))
  const lines = waitingLines(open, lost => bytes('warn', lossSentence(lost)))
  const journal = openDirect?.()
  const write = (level: Level) => (line: string, facts?: Facts) => {
    if (facts === undefined || journal?.tell(level, escapeText(cut(line)), facts) !== true)
      lines.write(bytes(level, cut(line), facts))
  }
  const log = {
    where,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    lost: lines.lost,
    [Symbol.dispose]() {
      lines[Symbol.dispose]()
      journal?.[Symbol.dispose]()
    },
  }
  if ('problem' in chosen) log.warn(`log = "${to}" is not possible: ${chosen.problem}; so the log is here`)
  return log
}

function choose(world: LogWorld, to: LogTo): Place | { readonly problem: string } {
  const isJournal = stderrIsJournal(world.env.JOURNAL_STREAM)
  switch (to) {
    case 'auto': {
      if (isJournal) return JOURNAL
      if (world.stdoutIsTerminal) return TERMINAL
      const reached = reachSyslog()
      return 'problem' in reached ? STANDARD_ERROR : reached
    }
    case 'journal':
      return isJournal ? JOURNAL : { problem: 'standard error is not the journal (JOURNAL_STREAM)' }
    case 'syslog':
      return reachSyslog()
    case 'stderr':
      return STANDARD_ERROR
    case 'json':
      return JSON_LINES
  }
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
const JOURNAL: Place = {
  open: onRoom => openOutlet(2, onRoom),
  format: (level, line) => `<${PRIORITY[level]}>${escapeText(line)}\n`,
  journal: openJournal,
}

const TERMINAL: Place = {
  open: onRoom => openOutlet(1, onRoom),
  format: (_, line) => `${timeOfDay()} ${escapeText(line)}\n`,
}

/** A terminal is looked at today, a file later. */
const STANDARD_ERROR: Place = {
  where: 'standard error',
  open: onRoom => openOutlet(2, onRoom),
  format: (_, line) => `${isatty(2) ? timeOfDay() : new Date().toISOString()} ${escapeText(line)}\n`,
}

/** Events are as `watch --json` has them. */
const JSON_LINES: Place = {
  where: 'standard error, in JSON',
  open: onRoom => openOutlet(2, onRoom),
  format: (level, text, facts = { level }) =>
    `${jsonText({ at: new Date().toISOString(), ...facts, text })}\n`,
}

function reachSyslog(): Place | { readonly problem: string } {
  const syslog = openSyslog()
  const problem = syslog.problem()
  if (problem !== undefined) return { problem }
  return {
    where: 'syslog (/dev/log)',
    open: () => syslog,
    format: (level, line) => syslogLine(PRIORITY[level], escapeText(line), new Date()),
  }
}

function timeOfDay(): string {
  return new Date().toTimeString().slice(0, 8)
}

function cut(line: string): string {
  return line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS)}…` : line
}

function lossSentence(lost: number): string {
  const lines = lost === 1 ? '1 line of the log is' : `${lost.toLocaleString('en')} lines of the log are`
  return `${lines} lost here: nobody took them in time`
}
