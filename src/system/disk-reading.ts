/** The history for whoever has patience: read by the thread that has it, piece by piece, while the event loop goes on. */
import type { Reading } from '../history/reading.ts'
import type { Told } from '../history/reports.ts'
import type { DiskThread } from './disk-thread.ts'

/** Milliseconds until whoever waits for a piece is told that the disk hangs. */
const READ_PATIENCE_MS = 10_000

/** Rejects with `hangs` where the disk does not answer: the thread has other work waiting then. */
export function readingBy(
  thread: Pick<DiskThread, 'later' | 'isLate'>,
  hangs: () => Error,
  nextCursor: () => number,
  patience = READ_PATIENCE_MS,
): Reading {
  async function read<T>(job: string, args: readonly unknown[]): Promise<T> {
    if (thread.isLate()) throw hangs()
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(hangs()), patience)
    const found = thread.later(job, args)
    found.catch(() => {}) // It may come after whoever asked has gone.
    try {
      return (await Promise.race([found, late.promise])) as T
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    selectPage: (...args) => read('selectPage', args),
    storyPage: (...args) => read('storyPage', args),
    sightingsOf: (...args) => read('sightingsOf', args),
    sampleOf: (...args) => read('sampleOf', args),
    feedPage: (...args) => read('feedPage', args),
    async *sums(since) {
      const cursor = nextCursor()
      try {
        for (;;) {
          const next = await read<(Told | undefined)[]>('next', [cursor, 1, 'sumsInPieces', [since]])
          if (next.length === 0) return
          yield next[0]
        }
      } finally {
        thread.later('forget', [cursor]).catch(() => {})
      }
    },
  }
}
