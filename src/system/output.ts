/** Standard output, written at once: a stream would keep a million lines in memory until the program comes to rest. */
import { writeSync } from 'node:fs'
import { openOutlet } from './outlet.ts'
import { pause } from './pause.ts'

/** How long a full pipe is waited for before it is tried again. */
const PAUSE_MS = 5
/** What the daemon has to say beside its log waits so long for whoever reads, and is lost then. */
const BRIEF_PAUSES = 100

/** Writes all of the text, however slowly it is read; false when nobody reads it any more. */
export function writeOut(text: string, fd = 1): boolean {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false
      pause(PAUSE_MS)
    }
  }
  return true
}

/** Writes what is taken within half a second. */
export function writeBriefly(text: string, fd: number): void {
  using outlet = openOutlet(fd, () => {})
  let rest = Buffer.from(text)
  for (let pauses = 0; pauses <= BRIEF_PAUSES; pauses++) {
    rest = rest.subarray(outlet.offer(rest))
    if (rest.length === 0) return
    pause(PAUSE_MS)
  }
}
