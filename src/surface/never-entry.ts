/** Which entry of the never-list somebody meets, and where it stands. Pure. */
import { entryAcross, factsOfEntry, type NeverEntryFacts } from '../settings/never-by-hand.ts'
import type { Settings } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import { prefixSet } from '../terms/prefix-set.ts'

export interface MetEntry {
  /** `192.0.2.0/24`, with the file that names it, or `by hand`. */
  readonly text: string
  readonly byHand?: NeverEntryFacts
}

/** The first that it meets: of the settings, of their files, by hand. */
export function neverEntry(
  { never, neverFiles, neverByHand }: Pick<Settings, 'never' | 'neverFiles' | 'neverByHand'>,
  prefix: Prefix,
): MetEntry | undefined {
  const written = prefixSet(never).across(prefix)?.text
  if (written !== undefined) return { text: written }
  for (const { file, prefixes } of neverFiles.files) {
    const listed = prefixes.across(prefix)?.text
    if (listed !== undefined) return { text: `${listed} of ${file}` }
  }
  const entry = entryAcross(neverByHand, prefix)
  return entry && { text: `${entry.prefix.text}, by hand`, byHand: factsOfEntry(entry) }
}
