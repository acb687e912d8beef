/** What root does in the folder of somebody with fewer rights. */
import { statSync } from 'node:fs'

/**
 * Does the work as whoever owns the folder, where that is not root but we are: what is made belongs to him, and a
 * link that he laid there leads to nothing that he could not open himself.
 */
export function asOwnerOf<T>(folder: string, work: () => T): T {
  const owner = statSync(folder, { throwIfNoEntry: false })
  if (owner === undefined || owner.uid === 0 || process.geteuid?.() !== 0) return work()
  const group = process.getegid!()
  process.setegid!(owner.gid)
  process.seteuid!(owner.uid)
  try {
    return work()
  } finally {
    process.seteuid!(0)
    process.setegid!(group)
  }
}
