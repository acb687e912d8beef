/** The bridge from our kinds of value to zod, which walks the document and knows the path of what is wrong. */
import * as z from 'zod'
import * as kinds from './kinds.ts'

/** What docs/settings.md and the explanations know of a setting. */
export interface About {
  readonly takes: string
  /** As it would be written in TOML. */
  readonly preset: string
  readonly description: string
}

/** A setting with one value; the default is read as if it had been written. */
export function setting<T>(kind: kinds.Kind<T>, preset: string | number | boolean, description: string) {
  return zodOf(kind)
    .prefault(preset)
    .meta({ takes: kind.takes, preset: JSON.stringify(preset), description })
}

/** A setting whose default depends on others, and is computed where they are known. */
export function optional<T>(kind: kinds.Kind<T>, preset: string, description: string) {
  return zodOf(kind)
    .optional()
    .meta({ takes: kind.takes, preset: JSON.stringify(preset), description })
}

/** A setting with a list of values; empty by default, unless told. `whole` is what the list as such has to be. */
export function list<T>(
  entry: kinds.Kind<T>,
  kind: kinds.Kind<unknown[]>,
  description: string,
  preset: readonly string[] = [],
  whole: kinds.Kind<T[]> = { takes: kind.takes, read: value => ({ value: value as T[] }) },
) {
  return zodOf(kind)
    .pipe(z.array(zodOf(entry)))
    .transform(readerOf(whole))
    .prefault([...preset])
    .meta({
      takes: kind.takes,
      preset: `[${preset.map(text => JSON.stringify(text)).join(', ')}]`,
      description,
    })
}

/** A table of settings, all of which may be missing. */
export function table<T extends z.ZodType<unknown, Record<string, unknown>>>(name: string, shape: T) {
  return zodOf(kinds.table(name)).pipe(shape).prefault({})
}

/** A table in a table, of which each setting may be missing; the default is shown in one line. */
export function tableOf<T extends z.ZodType<unknown, Record<string, unknown>>>(
  name: string,
  shape: T,
  preset: Readonly<Record<string, string | number>>,
  description: string,
) {
  const pairs = Object.entries(preset).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
  const takes = `a table of ${new Intl.ListFormat('en').format(Object.keys(preset))}`
  return table(name, shape).meta({ takes, preset: `{ ${pairs.join(', ')} }`, description })
}

/** A table that is not there unless it is written; an empty one is none. */
export function optionalTable<T extends z.ZodType<unknown, Record<string, unknown>>>(
  name: string,
  shape: T,
  takes: string,
  description: string,
) {
  return table(name, shape).meta({ takes, preset: '{}', description })
}

/** A value in such a table, which is told of with the table. */
export function plain<T>(kind: kinds.Kind<T>) {
  return zodOf(kind)
}

function zodOf<T>(kind: kinds.Kind<T>) {
  return z.unknown().transform(readerOf(kind))
}

function readerOf<T>(kind: kinds.Kind<T>) {
  return (value: unknown, context: z.RefinementCtx): T => {
    const reading = kind.read(value)
    if ('value' in reading) return reading.value
    report(context, reading, { takes: kind.takes })
    return z.NEVER
  }
}

/** What is handed to zod of what is wrong. */
interface Params {
  readonly takes?: string
  /** It is wrong beside other settings, which may stand in another file. */
  readonly isAcross?: boolean
}

/** Hands what is wrong to zod; explained by mistakes.ts. */
export function report(
  context: z.RefinementCtx,
  wrong: kinds.Wrong,
  { path = [], ...more }: { path?: string[] } & Params,
): void {
  context.addIssue({ code: 'custom', message: '', path, params: { ...wrong, ...more } })
}

/** Whether the value is right by itself, and wrong beside others. */
export function isAcross(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'custom' && issue.params?.isAcross === true
}
