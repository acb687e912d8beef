/** What goes to a thread that reads files (reading-thread.ts), and what comes back: of objects with functions their facts. */
import { type Located, SettingsFailure } from '../settings/explain.ts'
import type { NeverFiles, Settings } from '../settings/settings.ts'
import { type ExitStatus, Failure } from '../terms/failure.ts'
import { type PrefixSet, setOfRanges } from '../terms/prefix-set.ts'

export type Wanted =
  | { readonly read: 'version'; readonly named: readonly string[] }
  | { readonly read: 'lists'; readonly named: readonly string[] }
  | { readonly read: 'resolvers'; readonly files: readonly string[] }
  /** `isSettled`: once nobody is writing them any more. */
  | { readonly read: 'settings'; readonly file: string | undefined; readonly isSettled: boolean }

export type Answer =
  /** By which number the kernel knows the thread. */
  | { readonly thread: number }
  /** Which file or folder it touches next. */
  | { readonly at: string }
  | { readonly value: unknown }
  | { readonly failure: PackedFailure }

interface PackedFailure {
  readonly message: string
  readonly stack?: string | undefined
  readonly exit?: ExitStatus
  readonly hint?: string | undefined
  readonly mistakes?: readonly Located[]
}

type Packed<T extends { readonly prefixes: PrefixSet }> = Omit<T, 'prefixes'> & {
  readonly ranges: PrefixSet['ranges']
}

export type PackedNever = Packed<Omit<NeverFiles, 'files'>> & {
  readonly files: readonly Packed<NeverFiles['files'][number]>[]
}

export type PackedSettings = Omit<Settings, 'neverFiles'> & { readonly neverFiles: PackedNever }

export function packNever({ prefixes, files, ...never }: NeverFiles): PackedNever {
  const packed = files.map(({ prefixes: { ranges }, ...file }) => ({ ...file, ranges }))
  return { ...never, ranges: prefixes.ranges, files: packed }
}

export function unpackNever({ ranges, files, ...never }: PackedNever): NeverFiles {
  const unpacked = files.map(({ ranges, ...file }) => ({ ...file, prefixes: setOfRanges(ranges) }))
  return { ...never, prefixes: setOfRanges(ranges), files: unpacked }
}

export const packSettings = ({ neverFiles, ...settings }: Settings): PackedSettings => ({
  ...settings,
  neverFiles: packNever(neverFiles),
})

export const unpackSettings = ({ neverFiles, ...settings }: PackedSettings): Settings => ({
  ...settings,
  neverFiles: unpackNever(neverFiles),
})

export function packFailure(error: unknown): PackedFailure {
  if (!(error instanceof Failure)) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    return { message, stack }
  }
  const { message, exit, hint } = error
  return { message, exit, hint, ...(error instanceof SettingsFailure && { mistakes: error.mistakes }) }
}

export function unpackFailure({ message, stack, exit, hint, mistakes }: PackedFailure): Error {
  if (exit === undefined) return Object.assign(new Error(message), stack !== undefined && { stack })
  const details = { exit, ...(hint !== undefined && { hint }) }
  return mistakes === undefined
    ? new Failure(message, details)
    : new SettingsFailure(message, details, mistakes)
}
