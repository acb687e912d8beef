/** A SQLite database in a file: node:sqlite, with errors in words that a person can act on. */
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Database, Parameters, Statement } from '../history/database.ts'
import { asOwnerOf } from './as-owner.ts'
import {
  DamagedDatabase,
  failureOf,
  foreignFailure,
  fullLogFailure,
  newerFailure,
  olderFailure,
  withFailure,
} from './sqlite-failure.ts'

export interface DatabaseOptions {
  /** The scripts that lead from an empty file to today's schema. */
  readonly migrations: readonly string[]
  /** A version that knows so many of them reads and writes the file, whatever more were run: all unless told. */
  readonly needed?: number
  readonly readOnly: boolean
  /** A reader takes an older schema, too. */
  readonly takesOlder?: boolean
  /** Bytes of the log beyond which nothing is written until it begins anew. */
  readonly logMax?: number
}

/** A database in memory, that is gone when it is closed. */
export const MEMORY = ':memory:'
/** How long a call waits for another program's write. The daemon stands still meanwhile, so: short. */
const BUSY_MS = 1000
/**
 * A reader that stays (a pager, `sqlite3` with a transaction) keeps the log from beginning anew, and each commit makes it longer.
 * Beyond this, writing fails as on a full disk until he has gone.
 */
export const LOG_MAX = 256 * 1024 * 1024

/**
 * Opens the database. For writing, folder (0750) and file (0640) are made where missing, and the schema is brought
 * up to date. Read-only, nothing is made or changed: a missing file reads as an empty database.
 * Throws a Failure: 77 no permission; 69 damaged, written by a newer version, disk full.
 */
export function openDatabase(
  file: string,
  { migrations, needed = migrations.length, readOnly, takesOlder = false, logMax = LOG_MAX }: DatabaseOptions,
): Database {
  const sqlite = withFailure(file, () => (readOnly ? openToRead(file) : openToWrite(file)))
  const database = wrap(sqlite, file, logMax)
  try {
    if (!readOnly) checkPages(database, file)
    if (readOnly && sqlite.location() !== null) checkVersion(database, file, migrations.length, takesOlder)
    else migrate(database, sqlite, file, { migrations, needed })
    return database
  } catch (error) {
    database[Symbol.dispose]()
    throw error
  }
}

/**
 * WAL with synchronous NORMAL: a commit is a write(2), not an fsync(2). It survives the death of the process at
 * any moment, and a power cut costs at most the last commits, never the database (sqlite.org/wal.html). Larger
 * checkpoints than the default 1,000 pages, because a flood of lockouts touches the same pages again and again. A log that was longer
 * for once is cut to 32 MB.
 */
const TO_WRITE = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 33554432;
                  PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8000;`

function openToWrite(file: string): DatabaseSync {
  if (file === MEMORY) return new DatabaseSync(MEMORY)
  refuseOthers(file)
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
  // SQLite would make it with 0644. An existing file is not opened here: closing it again would end the locks
  // that SQLite holds in this process (fcntl(2)).
  if (!existsSync(file)) closeSync(openSync(file, 'ax', 0o640))
  const sqlite = new DatabaseSync(file, { timeout: BUSY_MS })
  try {
    sqlite.exec(TO_WRITE)
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

/**
 * A reader of a WAL database makes the -wal and -shm files where they are missing. They are missing when no daemon
 * runs; nobody writes then, and `immutable` reads the file alone.
 */
function openToRead(file: string): DatabaseSync {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return new DatabaseSync(MEMORY)
  refuseOthers(file)
  const url = pathToFileURL(file)
  if (!existsSync(`${file}-wal`)) url.search = '?immutable=1'
  return new DatabaseSync(url, { timeout: BUSY_MS, readOnly: true })
}

/** Those that SQLite opens by their names beside the file. */
const SUFFIXES = ['', '-wal', '-shm', '-journal']

/** A link leads where somebody else wants, and to open a pipe would wait for ever. */
function refuseOthers(file: string): void {
  for (const path of SUFFIXES.map(suffix => `${file}${suffix}`)) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found !== undefined && !found.isFile()) throw foreignFailure(path, found.isSymbolicLink())
  }
}

function wrap(sqlite: DatabaseSync, file: string, logMax: number): Database {
  let isLogFull = false

  function refuseWhileLogIsFull(): void {
    if (!isLogFull || sqlite.isTransaction) return
    // Where all of it is in the database, the next write begins it anew.
    const { log, checkpointed } = sqlite.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()!
    isLogFull = log !== checkpointed
    if (isLogFull) throw fullLogFailure(file)
  }

  const prepare = (sql: string): Statement => {
    const statement = withFailure(file, () => sqlite.prepare(sql))
    return {
      run: (...parameters) =>
        withFailure(file, () => {
          refuseWhileLogIsFull()
          return Number(statement.run(...given(parameters)).changes)
        }),
      get: (...parameters) => withFailure(file, () => statement.get(...given(parameters))),
      all: (...parameters) => withFailure(file, () => statement.all(...given(parameters))),
      values: (...parameters) =>
        withFailure(file, () => {
          statement.setReturnArrays(true)
          try {
            return statement.all(...given(parameters)) as unknown as unknown[][]
          } finally {
            statement.setReturnArrays(false)
          }
        }),
    }
  }
  const begin = prepare('BEGIN IMMEDIATE')
  const commit = prepare('COMMIT')
  return {
    prepare,
    prepareAll: queries =>
      Object.fromEntries(
        Object.entries<string>(queries).map(([name, sql]) => [name, prepare(sql)]),
      ) as ReturnType<Database['prepareAll']>,
    *each(sql, ...parameters) {
      try {
        // A statement of its own: two loops over one prepared statement would reset each other.
        yield* sqlite.prepare(sql).iterate(...given(parameters))
      } catch (error) {
        throw failureOf(error, file)
      }
    },
    transaction(work) {
      begin.run()
      try {
        const result = work()
        commit.run()
        return result
      } finally {
        // Still open only when something threw; some errors (disk full) have rolled it back already.
        if (sqlite.isTransaction) sqlite.exec('ROLLBACK')
      }
    },
    async sync() {
      isLogFull = (await syncLog(file)) > logMax
    },
    [Symbol.dispose]() {
      if (sqlite.isOpen) sqlite.close()
    },
  }
}

/** node:sqlite takes both, but its types want to know beforehand which. */
function given(parameters: Parameters): SQLInputValue[] {
  return parameters as SQLInputValue[]
}

/**
 * What was committed since the last checkpoint is in the -wal file alone. SQLite holds no lock on it (fcntl(2) would
 * lose one at close), and a checkpoint syncs by itself. On a thread of its own: the daemon does not wait for the disk. Resolves to its size.
 */
async function syncLog(file: string): Promise<number> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
  try {
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
    const log = asOwnerOf(dirname(file), () => openSync(`${file}-wal`, flags))
    try {
      await promisify(fdatasync)(log)
      return fstatSync(log).size
    } finally {
      closeSync(log)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failureOf(error, file)
    return 0
  }
}

/**
 * PRAGMA user_version tells how many migrations a version must know to use the file, application_id how many were run. Where that is 0,
 * which is what older versions leave there, the two are the same.
 */
function migrate(
  database: Database,
  sqlite: DatabaseSync,
  file: string,
  { migrations, needed }: Required<Pick<DatabaseOptions, 'migrations' | 'needed'>>,
): void {
  const { wanted, run } = versionsOf(database)
  if (wanted > migrations.length) throw newerFailure(file, wanted, migrations.length)
  if (run >= migrations.length) return
  database.transaction(() => {
    for (const migration of migrations.slice(run)) withFailure(file, () => sqlite.exec(migration))
    sqlite.exec(`PRAGMA user_version = ${needed}; PRAGMA application_id = ${migrations.length}`)
  })
}

function checkVersion(database: Database, file: string, today: number, takesOlder: boolean): void {
  const { wanted, run } = versionsOf(database)
  if (wanted > today) throw newerFailure(file, wanted, today)
  if (run < today && !takesOlder) throw olderFailure(file, run, today)
}

/** A page that is damaged would else be found in the middle of the work, or never. About 1 s for a million lockouts. */
function checkPages(database: Database, file: string): void {
  const found = database.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (found !== 'ok') throw new DamagedDatabase(file, String(found))
}

function versionsOf(database: Database): { readonly wanted: number; readonly run: number } {
  const wanted = database.prepare('PRAGMA user_version').get()?.user_version as number
  const run = database.prepare('PRAGMA application_id').get()?.application_id as number
  return { wanted, run: Math.max(wanted, run) }
}
