/** A text file that others may read at any moment: it is always whole, also after a power cut. */
import { closeSync, constants, fdatasync, openSync, renameSync, rmSync, write } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { WholeFile } from '../keep/state-file.ts'
import { asOwnerOf } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
const writeTo = promisify(write)
const sync = promisify(fdatasync)

/**
 * rename(2) replaces it in one step, after the new text is on the disk. Names are made and changed as the owner of the
 * directory (asOwnerOf), and never through a link; in between, the text goes into a descriptor.
 */
export function wholeFile(path: string): WholeFile {
  const directory = dirname(path)
  // Not found by a pattern that finds the file itself.
  const beside = `${directory}/.${path.slice(path.lastIndexOf('/') + 1)}.new`
  const asOwner = <T>(work: () => T) => asOwnerOf(directory, work)
  let isRemoved = false

  /** What an earlier write has left there, or somebody else has laid, is replaced. */
  function make(): number {
    refuseShared(directory)
    rmSync(beside, { force: true })
    return openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640)
  }

  return {
    async write(pieces) {
      isRemoved = false
      const file = asOwner(make)
      try {
        try {
          for (const piece of pieces) {
            await writeAll(file, piece)
            await turn()
          }
          await sync(file)
        } finally {
          closeSync(file)
        }
        // Removed meanwhile, it does not come back.
        asOwner(() => (isRemoved ? rmSync(beside, { force: true }) : renameSync(beside, path)))
      } catch (error) {
        try {
          asOwner(() => rmSync(beside, { force: true }))
        } catch {} // The first error says more.
        throw error
      }
    },
    remove() {
      isRemoved = true
      asOwner(() => rmSync(path, { force: true }))
    },
  }
}

async function writeAll(file: number, text: string): Promise<void> {
  let rest = Buffer.from(text)
  while (rest.length > 0) rest = rest.subarray((await writeTo(file, rest)).bytesWritten)
}
