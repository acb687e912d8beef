/** Standard output, written at once: a stream would keep a million lines in memory until the program comes to rest. */
import { writeSync } from 'node:fs'

/** How long a full pipe is waited for before it is tried again. */
const PAUSE_MS = 5

/** Writes all of the text, however slowly it is read; false when nobody reads it any more. */
export function writeOut(text: string, fd = 1): boolean {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
  return true
}
