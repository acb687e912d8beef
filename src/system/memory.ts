/** The memory of this process: what V8 and the C library keep although it is free, and how they let go of it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import koffi from 'koffi'
import type { Memory } from './give-back.ts'

/** Of mallopt(3). */
const M_MMAP_THRESHOLD = -3
/** What it starts with. */
const BYTES = 128 * 1024

/**
 * What is this large or larger goes back to the kernel when it is freed. By itself glibc learns from each such block that
 * is freed to keep those as large, of up to 32 MB, and then a start left 5 to 15 MB of holes. Other C libraries have no such habit.
 */
export function giveBackLargeBlocks(): void {
  try {
    koffi.load(null).func('int mallopt(int param, int value)')(M_MMAP_THRESHOLD, BYTES)
  } catch {
    // Not glibc.
  }
}

export const memory: Memory = {
  resident: () => process.memoryUsage.rss(),
  collect() {
    // V8 would collect once more, 8 s after this: 40 ms of work and 90 wake-ups of an idle process for nothing.
    setFlagsFromString('--memory-reducer-gc-count=0')
    // An ordinary collection keeps the pages that it empties for later.
    garbageCollector()({ type: 'major', flavor: 'last-resort' })
  },
}

/** V8 shows it to contexts that are made while this option is set. */
function garbageCollector(): (how: object) => void {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc')
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
