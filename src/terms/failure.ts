/**
 * What went wrong, in words a person can act on, and the exit status that tells a program.
 *
 * Text from errno or libnftables is turned into a Failure once, in system/; from there it only travels.
 */

/** Exit statuses; 64 and above are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  no: 1,
  notRunning: 3,
  usage: 64,
  unavailable: 69,
  bug: 70,
  /** Under systemd alone: a person has to help, so the unit is not started again. */
  taken: 73,
  noPermission: 77,
  settings: 78,
} as const
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

export class Failure extends Error {
  readonly exit: ExitStatus
  /** What the person can do about it; a sentence, or several lines. */
  readonly hint: string | undefined

  constructor(message: string, details: { exit: ExitStatus; hint?: string; cause?: unknown }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Failure'
    this.exit = details.exit
    this.hint = details.hint
  }
}
