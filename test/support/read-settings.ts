/** Settings for a daemon of a test, from texts that the test makes up. */
import { loadSettings } from '../../src/settings/load.ts'
import { NO_FOLDERS, type ReadText } from '../../src/settings/sources.ts'

export function settingsFrom(readText: ReadText) {
  return {
    readText,
    folders: NO_FOLDERS,
    readSettings: async (file: string | undefined) => loadSettings(file, readText),
  }
}
