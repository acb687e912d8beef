/** A text file that others may read at any moment: it is always whole, also after a power cut. */
import { rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { WholeFile } from '../keep/state-file.ts'

/** rename(2) replaces it in one step, after the new text is on the disk. */
export function wholeFile(path: string): WholeFile {
  // Not found by a pattern that finds the file itself.
  const beside = `${path.slice(0, path.lastIndexOf('/') + 1)}.${path.slice(path.lastIndexOf('/') + 1)}.new`
  let isRemoved = false
  return {
    async write(pieces) {
      isRemoved = false
      try {
        {
          await using file = await open(beside, 'w', 0o640)
          for (const piece of pieces) {
            await file.write(piece)
            await turn()
          }
          await file.datasync()
        }
        // Removed meanwhile, it does not come back.
        await (isRemoved ? rm(beside, { force: true }) : rename(beside, path))
      } catch (error) {
        await rm(beside, { force: true }).catch(() => {})
        throw error
      }
    },
    remove() {
      isRemoved = true
      rmSync(path, { force: true })
    },
  }
}
