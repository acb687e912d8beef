/** A text file that others may read at any moment: it is always whole, also after a power cut. */
import { close, constants, fchmodSync, fdatasync, openSync, renameSync, rmSync, write } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { WholeFile } from '../keep/state-file.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { asOwnerOf } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'
import { whyUnreadable } from './files.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
/** Everybody may read it. */
const FOR_ALL = 0o644
const writeTo = promisify(write)
const sync = promisify(fdatasync)
const closed = promisify(close)

/** What is done with the names in the directory, each in one synchronous step. */
export interface Steps {
  /** Makes the new file beside, and opens it: the number of a descriptor, whatever thread it is opened by. */
  make(): number
  /** Puts the new one in the place of the old one. Removed meanwhile, it does not come back. */
  finish(isRemoved: boolean): void
  discard(): void
  remove(): void
}

/** The same, where another thread takes them. */
export interface StepsElsewhere {
  make(): number | Promise<number>
  finish(isRemoved: boolean): void | Promise<void>
  discard(): void | Promise<void>
  /** Waits for a moment at most. */
  remove(): void
}

/** Names are made and changed as the owner of the directory (asOwnerOf), and never through a link. */
export function stepsOf(path: string, mode = 0o640): Steps {
  const directory = dirname(path)
  // Not found by a pattern that finds the file itself.
  const beside = `${directory}/.${path.slice(path.lastIndexOf('/') + 1)}.new`
  const asOwner = <T>(work: () => T) => asOwnerOf(directory, work)
  const discard = () => asOwner(() => rmSync(beside, { force: true }))
  return {
    // What an earlier write has left there, or somebody else has laid, is replaced.
    make: () =>
      asOwner(() => {
        refuseShared(directory)
        rmSync(beside, { force: true })
        const file = openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
        // Whatever the umask of whoever calls.
        if (mode === FOR_ALL) fchmodSync(file, mode)
        return file
      }),
    finish: isRemoved => (isRemoved ? discard() : asOwner(() => renameSync(beside, path))),
    discard,
    remove: () => asOwner(() => rmSync(path, { force: true })),
  }
}

/** rename(2) replaces it in one step, after the new text is on the disk. In between, the text goes into a descriptor, by threads of the pool. */
export function wholeFile(steps: StepsElsewhere): WholeFile {
  let isRemoved = false
  return {
    async write(pieces) {
      isRemoved = false
      const file = await steps.make()
      try {
        try {
          for (const piece of pieces) {
            await writeAll(file, piece)
            await turn()
          }
          await sync(file)
        } finally {
          await closed(file)
        }
        await steps.finish(isRemoved)
      } catch (error) {
        try {
          await steps.discard()
        } catch {} // The first error says more.
        throw error
      }
    },
    remove() {
      isRemoved = true
      steps.remove()
    },
  }
}

async function writeAll(file: number, text: string): Promise<void> {
  let rest = Buffer.from(text)
  while (rest.length > 0) rest = rest.subarray((await writeTo(file, rest)).bytesWritten)
}

/** Replaces a file that everybody may read. Rejects with a Failure (69, 77), and then nothing has changed. */
export async function writeForAll(path: string, text: string): Promise<void> {
  try {
    await wholeFile(stepsOf(resolve(path), FOR_ALL)).write([text])
  } catch (error) {
    if (error instanceof Failure) throw error
    const { unreadable, because } = whyUnreadable(error)
    throw new Failure(`${path} cannot be written: ${because}`, {
      exit: unreadable === 'forbidden' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Its directory must be there, and belong to root or to whoever writes.',
      cause: error,
    })
  }
}
