/** The settings of somebody with some of them replaced, as one TOML text: for a trial elsewhere. */
import { parse, stringify } from 'smol-toml'
import { merge } from './merge.ts'
import type { Sources } from './sources.ts'

/** @param sources which are right: settingsOf() has taken them */
export function overridden({ sources }: Sources, values: Readonly<Record<string, unknown>>): string {
  const documents = sources.flatMap(({ read }) => ('text' in read ? [parse(read.text) as unknown] : []))
  return stringify({ ...(documents.reduce(merge, {}) as object), ...values })
}
