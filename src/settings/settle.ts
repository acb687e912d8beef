/** Settings that are read while somebody may be writing them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, Failure } from '../terms/failure.ts'
import { DEFAULT_FILE, loadSettings, type ReadText } from './load.ts'
import type { Settings } from './settings.ts'

/** An editor or a program that writes the file in pieces is given so long between two of them. */
const QUIET_MS = 200
const ROUNDS = 25

/**
 * The settings of a file, once it has stayed the same for a moment: half a file may be valid, and mean something else.
 * Rejects with a Failure, exit 77 or 78.
 */
export async function loadSettledSettings(path: string | undefined, readText: ReadText): Promise<Settings> {
  const file = path ?? DEFAULT_FILE
  let before = JSON.stringify(readText(file))
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(QUIET_MS)
    const read = readText(file)
    const now = JSON.stringify(read)
    if (now === before) return loadSettings(path, () => read)
    before = now
  }
  throw new Failure(`the settings file ${file} is being written all the time`, {
    exit: EXIT.settings,
    hint: 'Reload when it is complete.',
  })
}
