/** Settings that are read while somebody may be writing them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, Failure } from '../terms/failure.ts'
import { settingsOf } from './load.ts'
import type { Settings } from './settings.ts'
import { DEFAULT_FILE, type Folders, NO_FOLDERS, type ReadText, readSources } from './sources.ts'

/** An editor or a program that writes the file in pieces is given so long between two of them. */
const QUIET_MS = 200
const ROUNDS = 25

/**
 * The settings of a file and its drop-ins, once they have stayed the same for a moment: half a file may be valid, and mean
 * something else. Rejects with a Failure, exit 77 or 78.
 */
export async function loadSettledSettings(
  path: string | undefined,
  readText: ReadText,
  folders: Folders = NO_FOLDERS,
): Promise<Settings> {
  let before = JSON.stringify(readSources(path, readText, folders))
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(QUIET_MS)
    const sources = readSources(path, readText, folders)
    const now = JSON.stringify(sources)
    if (now === before) return settingsOf(sources, readText, folders)
    before = now
  }
  throw new Failure(
    `the settings file ${path ?? DEFAULT_FILE}, or a drop-in of it, is being written all the time`,
    {
      exit: EXIT.settings,
      hint: 'Reload when it is complete.',
    },
  )
}
