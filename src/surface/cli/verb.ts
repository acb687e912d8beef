/** A verb of the command line. The table of them all is verbs/index.ts; help and usage are made from it. */
import type { Settings } from '../../settings/settings.ts'
import type { ExitStatus, Failure } from '../../terms/failure.ts'
import type { System } from './system.ts'

export interface Verb {
  readonly name: string
  /** One line: what it does. */
  readonly summary: string
  /** Arguments as commander writes them: `<who...>`. */
  readonly args?: string
  readonly options?: readonly { readonly flags: string; readonly what: string }[]
  /** It runs the daemon: nothing that it writes may be waited for. */
  readonly isDaemon?: true
  /** More than the summary, if there is more to say. */
  readonly details?: string
  readonly examples: readonly string[]
  run(call: Call): ExitStatus | Promise<ExitStatus>
}

export interface Call {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** Reads the settings; throws a Failure (78) that shows what is wrong. */
  settings(): Settings
  /** The same for whoever is to be helped also when they are wrong: then what is wrong is said, and the defaults are taken. */
  usableSettings(): { readonly settings: Settings; readonly wrong?: Failure }
  /** The same, once nobody is writing them any more. */
  settledSettings(): Promise<Settings>
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

/** `--json`, for the verbs that answer something. */
export const JSON_OPTION = { flags: '--json', what: 'answer as JSON, for programs' } as const
