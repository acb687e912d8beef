/** A verb of the command line. The table of them all is verbs/index.ts; help and usage are made from it. */
import type * as z from 'zod'
import type { Settings } from '../../settings/settings.ts'
import { EXIT, type ExitStatus, type Failure } from '../../terms/failure.ts'
import type { System } from './system.ts'

export interface Verb {
  readonly name: string
  /** One line: what it does. */
  readonly summary: string
  /** Arguments as commander writes them: `<who...>`. */
  readonly args?: string
  /** What the first of them can be, where that is one of a few words. */
  readonly words?: readonly string[]
  readonly options?: readonly { readonly flags: string; readonly what: string }[]
  /** It runs the daemon: nothing that it writes may be waited for. */
  readonly isDaemon?: true
  /** More than the summary, if there is more to say. */
  readonly details?: string
  readonly examples: readonly string[]
  /** The shape of what `--json` prints. */
  readonly answer?: z.ZodType
  /** What its exit statuses mean. Those that any verb can end with besides are in `COMMON_EXITS`. */
  readonly exits: Exits
  run(call: Call): ExitStatus | Promise<ExitStatus>
}

export interface Call {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** Reads the settings; throws a Failure (78) that shows what is wrong. */
  settings(): Settings
  /** The same for whoever is to be helped also when they are wrong: then what is wrong is said, and the defaults are taken. */
  usableSettings(): { readonly settings: Settings; readonly wrong?: Failure }
  /** The same for a daemon, which waits for no disk; `isSettled`: once nobody is writing them any more. */
  readSettings(isSettled: boolean): Promise<Settings>
  readonly system: System
  /** Writes text for people, or the answer to `--json`. */
  print(text: string): void
  /** Writes to standard error. */
  warn(text: string): void
  /** Tells how far it is, where somebody sees it; the empty text takes it away again. */
  progress(text: string): void
  /** Whoever read our output has gone away. */
  readonly gone: AbortSignal
}

export type Exits = Readonly<Partial<Record<ExitStatus, string>>>

/** With these any verb can end; standard error says why. */
export const COMMON_EXITS: Exits = {
  [EXIT.usage]: 'the command line is wrong',
  [EXIT.unavailable]: 'something is missing, taken, or refused by the kernel or by the daemon',
  [EXIT.bug]: 'a bug of flypaperd',
  [EXIT.taken]:
    'under systemd: another daemon or program has the trap, and does not give it away; the unit is not started again',
  [EXIT.noPermission]: 'no permission',
  [EXIT.settings]: 'a mistake in the settings',
}

/** `Exit status 0: it is so; 3: the daemon is not running.` */
export function exitSentence(exits: Exits): string {
  const meanings = Object.entries(exits).map(([exit, what]) => `${exit}: ${what}`)
  return `Exit status ${meanings.join('; ')}.`
}

/** `--json`, for the verbs that answer something. */
export const JSON_OPTION = { flags: '--json', what: 'answer as JSON, for programs' } as const
