/** What SQLite and the file system say about a database, in words that a person can act on. */
import { EXIT, Failure } from '../terms/failure.ts'

/** Primary result codes, sqlite.org/rescode.html; the upper bits only refine them. */
const CODE = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  constraint: 19,
  mismatch: 20,
  misuse: 21,
  auth: 23,
  notadb: 26,
} as const

/** Does the work; an error of SQLite or of the file system becomes a Failure that names the file. */
export function withFailure<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw failureOf(error, file)
  }
}

export function newerFailure(file: string, version: number, today: number): Failure {
  return new Failure(`${file} has version ${version}, this flypaperd knows versions up to ${today}.`, {
    exit: EXIT.unavailable,
    hint: 'A newer flypaperd wrote it. Install that version again, or move the file aside to begin a new one.',
  })
}

export function olderFailure(file: string, version: number, today: number): Failure {
  return new Failure(`${file} has version ${version}, this flypaperd reads version ${today}.`, {
    exit: EXIT.unavailable,
    hint: 'Start flypaperd once: that brings the file up to date.',
  })
}

/** Somebody reads without an end, so what was written cannot leave the log for the file. */
export function fullLogFailure(file: string): Failure {
  return new UnwritableDatabase(`${file}-wal is full: some program has been reading ${file} all the time.`, {
    exit: EXIT.unavailable,
    hint: `fuser -v ${file} tells which. End it: what waits is written then.`,
  })
}

export function foreignFailure(path: string, isLink: boolean): Failure {
  return new Failure(`${path} is ${isLink ? 'a link' : 'something else'}, and no file of its own.`, {
    exit: EXIT.unavailable,
    hint: 'flypaperd follows no links in its state directory. See who laid it there (ls -l), and remove it.',
  })
}

/** The file is no database any more, or holds pages that contradict each other. */
export class DamagedDatabase extends Failure {
  constructor(file: string, why: string, cause?: unknown) {
    super(`The database ${file} is damaged (${why}).`, {
      exit: EXIT.unavailable,
      hint: `Move it aside, with ${file}-wal and ${file}-shm if they exist, and start again with an empty one.`,
      cause,
    })
  }
}

/**
 * The first questions to a database whose version is right. One that does not fit to its tables (no such column) finds a damaged
 * schema: to every schema of this version it fits.
 */
export function withSchema<T>(file: string, ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    const cause = error instanceof Failure ? error.cause : undefined
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === CODE.error)
      throw new DamagedDatabase(file, cause.message, cause)
    throw error
  }
}

/** The disk is full or read-only: what is in the file can be read. */
export class UnwritableDatabase extends Failure {}

/** The error as a Failure that names the file; what is our own bug stays what it is. */
export function failureOf(cause: unknown, file: string): unknown {
  if (!(cause instanceof Error) || cause instanceof Failure) return cause
  if ('errno' in cause && 'code' in cause) {
    if (cause.code === 'EROFS' || cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
      return new UnwritableDatabase(`${file} cannot be written: ${cause.message}.`, {
        exit: EXIT.unavailable,
        hint: `Make room on its disk, or mount it writable: df -h ${file}`,
        cause,
      })
    if (cause.code === 'EACCES' || cause.code === 'EPERM') return permission(cause, file)
    return new Failure(`${file} cannot be used: ${cause.message}.`, { exit: EXIT.unavailable, cause })
  }
  if (!('errcode' in cause) || typeof cause.errcode !== 'number') return cause
  switch (cause.errcode & 0xff) {
    case CODE.constraint:
    case CODE.mismatch:
    case CODE.misuse:
      return cause // our own bug, and it should look like one
    case CODE.corrupt:
    case CODE.notadb:
      return new DamagedDatabase(file, cause.message, cause)
    case CODE.perm:
    case CODE.auth:
    case CODE.readonly:
    case CODE.cantopen:
      return permission(cause, file)
    case CODE.full:
      return new UnwritableDatabase(`No space is left for the database ${file}.`, {
        exit: EXIT.unavailable,
        hint: `Make room on its disk: df -h ${file}`,
        cause,
      })
    case CODE.busy:
    case CODE.locked:
      return new Failure(`Another program holds the database ${file}.`, {
        exit: EXIT.unavailable,
        hint: `Close it; this shows who it is: fuser -v ${file}`,
        cause,
      })
    default:
      return new Failure(`The database ${file} cannot be used: ${cause.message}.`, {
        exit: EXIT.unavailable,
        cause,
      })
  }
}

function permission(cause: Error, file: string): Failure {
  return new Failure(`No permission for ${file} (${cause.message}).`, {
    exit: EXIT.noPermission,
    hint: 'Run flypaperd as root (sudo). The folder of the file and its -wal and -shm files count too.',
    cause,
  })
}
