/** The history database in its file. */
import { accessSync, constants, existsSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { fliesIn, type History, openHistory } from '../history/history.ts'
import { reckonAfterOlder } from '../history/older-version.ts'
import { MIGRATIONS, NEEDED } from '../history/schema.ts'
import { type TolerantHistory, tolerantHistory } from '../history/tolerant.ts'
import type { Log } from '../log/log.ts'
import { asOwnerOf, makeDirectory } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'
import { MEMORY, openDatabase } from './sqlite.ts'
import { DamagedDatabase, UnwritableDatabase, withFailure, withSchema } from './sqlite-failure.ts'

/**
 * Opens the history in this file and brings it up to date. Read-only, it creates and changes nothing, and a
 * history that does not exist yet is empty. Opened by root, the files belong to the owner of their folder: SQLite opens all of
 * them here, and none later. Throws a Failure (77 no permission, 69 otherwise).
 */
export function openHistoryFile(file: string, options: { readOnly?: boolean } = {}): History {
  const readOnly = options.readOnly ?? false
  const directory = dirname(file)
  return withFailure(file, () => {
    if (!readOnly) {
      makeDirectory(directory, 0o750)
      refuseShared(directory)
    }
    return asOwnerOf(directory, () => openWithSchema(file, readOnly))
  })
}

/** The history of this database; what its schema lacks is damage. */
function openWithSchema(file: string, readOnly: boolean): History {
  const database = openDatabase(file, { migrations: MIGRATIONS, needed: NEEDED, readOnly })
  try {
    return withSchema(file, () => {
      if (!readOnly) reckonAfterOlder(database)
      return openHistory(database)
    })
  } catch (error) {
    database[Symbol.dispose]()
    throw error
  }
}

/**
 * Opens it for the daemon, which goes on whatever happens to the disk: a damaged file is moved aside, and where
 * nothing can be written, what is known is read and the rest waits in memory. Throws a Failure for a file of a newer version, and
 * without permission.
 */
export function openLastingHistory(file: string, log: Log, now: () => number): TolerantHistory {
  const renew = () => {
    log.error(`the history was damaged: it is ${moveAside(file, now())} now, and a new one is begun`)
    return openHistoryFile(file)
  }
  const isDamage = (error: unknown) => error instanceof DamagedDatabase
  try {
    return tolerantHistory(openWritable(file), { log, now, isDamage, renew })
  } catch (error) {
    if (isDamage(error)) return tolerantHistory(renew(), { log, now, isDamage, renew })
    if (!(error instanceof UnwritableDatabase)) throw error
    log.error(`the history cannot be written until the next start, locking out goes on: ${error.message}`)
    return tolerantHistory(openCopy(file, now()), { log, now, isDamage })
  }
}

/** SQLite opens a file on a read-only disk without a word, and refuses the first write. */
function openWritable(file: string): History {
  const directory = dirname(file)
  if (existsSync(directory)) withFailure(file, () => accessSync(directory, constants.W_OK))
  return openHistoryFile(file)
}

/** In memory: the flies of the file, as far as it can be read. What an older version has left cannot be brought up to date there. */
function openCopy(file: string, now: number): History {
  const copy = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  const options = { migrations: MIGRATIONS, readOnly: true, takesOlder: true }
  using original = asOwnerOf(dirname(file), () => openDatabase(file, options))
  copy.add([...fliesIn(original, now, () => {})])
  return copy
}

/** Also the -wal and -shm files of a database: they belong to it alone. Tells where it is now. */
export function moveAside(file: string, now: number): string {
  const aside = `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '-')}`
  asOwnerOf(dirname(file), () => {
    for (const suffix of ['', '-wal', '-shm'])
      if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`)
  })
  return aside
}
