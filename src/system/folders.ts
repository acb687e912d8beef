/** Folders of settings, and who may change what is in them. */
import { readdirSync, type Stats, statSync } from 'node:fs'
import type { Folders, Standing } from '../settings/sources.ts'
import { whyUnreadable } from './files.ts'

export const folders: Folders = {
  list(path) {
    try {
      return { names: readdirSync(path) }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return code === 'ENOTDIR' ? { unreadable: 'other', because: 'it is no folder' } : whyUnreadable(error)
    }
  },
  inspect(path) {
    try {
      return standingOf(statSync(path))
    } catch {
      return undefined // Whoever reads it is told why.
    }
  },
}

const WRITABLE_BY_ALL = 0o002

function standingOf(stats: Stats): Standing {
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other',
    owner: stats.uid,
    isForeign: stats.uid !== 0 && stats.uid !== process.geteuid!(),
    isOpen: (stats.mode & WRITABLE_BY_ALL) !== 0,
    version: `${stats.dev}:${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`,
    written: stats.mtimeMs,
  }
}
