/** The port to the log. A line is one line of text for people; whatever it holds, it never becomes two. */
export interface Log {
  /** The facts are the same for programs: what a log in JSON has instead of a level. */
  info(line: string, facts?: Facts): void
  warn(line: string): void
  error(line: string): void
}

export type Facts = Readonly<Record<string, unknown>>

/** The log of the daemon, which waits for nobody. */
export interface DaemonLog extends Log {
  /** Where the lines go, if whoever has started the daemon does not see that: `syslog (/dev/log)`. */
  readonly where: string | undefined
  /** Lines that nobody took in time, since the start. */
  lost(): number
}
