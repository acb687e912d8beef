/**
 * Names of settings that older versions had. They are read for one more release: each means what comes nearest to it in the table
 * [evidence] and in [lockout], and `check`, `doctor` and the log say what to write instead.
 */
import * as z from 'zod'
import { list, optional, table } from './bridge.ts'
import { evidenceSettings } from './evidence.ts'
import * as kinds from './kinds.ts'

const GONE = 'Read for the last time.'

/** Settings of [lockout] that are gone. */
export const legacyLockout = {
  first_udp: optional(kinds.durationOrForever('1s', '3650d'), '', GONE),
  factor: optional(kinds.whole(1, 1000), '', GONE),
  longest: optional(kinds.durationOrForever('1s', '3650d'), '', GONE),
  strikes: optional(kinds.whole(1, 100), '', GONE),
  strike_window: optional(kinds.duration('1s', '1d'), '', GONE),
}

const { ping, noise, protocols } = evidenceSettings

/** The table [grades], which is part of [evidence] now. */
export const legacyGrades = table(
  'grades',
  z.strictObject({
    ping,
    noise,
    protocols,
    silent: list(kinds.silentPort, kinds.list('protocols and ports', 'tcp/113'), GONE),
  }),
)

const INSTEAD: Readonly<Record<keyof typeof legacyLockout, string>> = {
  first_udp: 'lockout.first is the same for UDP, and first_udp has no effect',
  factor: 'write several and many under [lockout]: the length goes by the number of different ports',
  longest: 'write longest_forgeable under [lockout], or longest for a class under [evidence]',
  strikes: 'write stranger = { closed = 3, illegal = 3 } under [evidence] for two ports, 2 for three',
  strike_window: 'write stranger = { window = "10m" } under [evidence]',
}

/** What to say of the old names in this document: sentences without an end. */
export function legacyRemarks(file: string, document: unknown): string[] {
  if (!kinds.isTable(document)) return []
  const { grades, lockout } = document
  const old = kinds.isTable(lockout) ? Object.keys(INSTEAD).filter(name => Object.hasOwn(lockout, name)) : []
  return [
    ...(grades === undefined
      ? []
      : [`${file} has [grades], which is read for the last time: its settings are those of [evidence] now`]),
    ...old.map(
      name =>
        `${file} has lockout.${name}, which is read for the last time: ${INSTEAD[name as keyof typeof INSTEAD]}`,
    ),
  ]
}
