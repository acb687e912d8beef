/** The history database in its file. */
import { dirname } from 'node:path'
import { type History, openHistory } from '../record/history.ts'
import { MIGRATIONS } from '../record/schema.ts'
import { asOwnerOf } from './as-owner.ts'
import { openDatabase } from './sqlite.ts'
import { withFailure } from './sqlite-failure.ts'

/**
 * Opens the history in this file and brings it up to date. Read-only, it creates and changes nothing, and a
 * history that does not exist yet is empty. Opened by root, the files belong to the owner of their folder.
 * Throws a Failure (77 no permission, 69 otherwise).
 */
export function openHistoryFile(file: string, options: { readOnly?: boolean } = {}): History {
  const readOnly = options.readOnly ?? false
  return withFailure(file, () =>
    asOwnerOf(dirname(file), () => openHistory(openDatabase(file, { migrations: MIGRATIONS, readOnly }))),
  )
}
