/** A text file that others may read at any moment: it is always whole, also after a power cut. */
import { close, constants, fdatasync, openSync, renameSync, rmSync, write } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { WholeFile } from '../keep/state-file.ts'
import { asOwnerOf } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
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
export function stepsOf(path: string): Steps {
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
        return openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640)
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
