/** The file of who is on the never-list by hand. */
import { dirname } from 'node:path'
import type { NeverText } from '../keep/never-store.ts'
import { inForce, NEVER_BY_HAND_BYTES, readEntryLines } from '../settings/never-by-hand.ts'
import type { NeverEntry } from '../settings/settings.ts'
import { asOwnerOf } from './as-owner.ts'
import { readForeign } from './files.ts'

/** What it says, with the rights of the owner of its directory; undefined: there is no such file. */
export function readNeverStore(file: string): NeverText | undefined {
  const found = asOwnerOf(dirname(file), () => readForeign(file, NEVER_BY_HAND_BYTES))
  if ('text' in found) return found
  return found.unreadable === 'missing' ? undefined : { because: found.because }
}

/** Whose time is not over; nobody where the file cannot be read. */
export function neverByHandIn(file: string, now: number): readonly NeverEntry[] {
  try {
    const found = readNeverStore(file)
    return found !== undefined && 'text' in found ? inForce(readEntryLines(found.text).entries, now) : []
  } catch {
    return [] // The directory may not be looked into.
  }
}
