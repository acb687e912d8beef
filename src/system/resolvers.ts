/**
 * The name servers of this machine as they were last read: by a thread, since resolv.conf may be a link to where nothing answers any more. Nobody
 * waits for it for long, and what was known before counts meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../terms/address.ts'
import { escapeText } from '../terms/escape.ts'
import { type FilesApart, readApart } from './reading.ts'

const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']
/** A disk that is busy for a moment is nothing to be told. */
const PATIENCE_MS = 2000

export interface Resolvers {
  /** Those that were read last, none where nobody has read yet. */
  known(): readonly Address[]
  /** Reads them again, or leaves it at what is known. */
  reread(): Promise<void>
  /** That they hang, and what follows. */
  remarks(): readonly string[]
}

export function openResolvers({
  apart = readApart() as Pick<FilesApart, 'resolvers'>,
  files = RESOLV_CONFS,
  patience = PATIENCE_MS,
} = {}): Resolvers {
  let found: readonly Address[] | undefined
  let reading: Promise<void> | undefined
  let at: (() => string | undefined) | undefined
  let hangs = false

  async function read(): Promise<void> {
    const asked = apart.resolvers(files)
    at = asked.at
    found = await asked.value
    hangs = false
  }

  return {
    known: () => found ?? [],
    async reread() {
      if (reading !== undefined && hangs) return
      reading ??= read().finally(() => {
        reading = undefined
      })
      const inTime = reading.then(
        () => true,
        () => false, // So many readings hang that no other begins.
      )
      const enough = new AbortController()
      const tooLate = sleep(patience, false, enough).catch(() => false)
      hangs = !(await Promise.race([inTime, tooLate]))
      enough.abort()
    },
    remarks() {
      if (!hangs) return []
      const file = escapeText(at?.() ?? files.join(', '))
      const follows =
        found === undefined
          ? 'its name servers are not known, and are judged as everybody is until it does'
          : 'the name servers that it named before count as near until it does'
      return [
        `${file} does not answer: ${follows}. Look at its disk and its mount; flypaperd needs no restart`,
      ]
    },
  }
}
