/** The history database in its file. */
import { type History, openHistory } from '../record/history.ts'
import { MIGRATIONS } from '../record/schema.ts'
import { openDatabase } from './sqlite.ts'

/**
 * Opens the history in this file and brings it up to date. Read-only, it creates and changes nothing, and a
 * history that does not exist yet is empty. Throws a Failure (77 no permission, 69 otherwise).
 */
export function openHistoryFile(file: string, options: { readOnly?: boolean } = {}): History {
  return openHistory(openDatabase(file, { migrations: MIGRATIONS, readOnly: options.readOnly ?? false }))
}
