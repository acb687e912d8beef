/** The history for whoever has patience: read by the thread that has it, piece by piece, while the event loop goes on. */
import type { PatientForgetting } from '../history/forgetting.ts'
import type { Reading } from '../history/reading.ts'
import type { Told } from '../history/reports.ts'
import type { DiskThread } from './disk-thread.ts'

/** Milliseconds until whoever waits for a piece is told that the disk hangs. */
const READ_PATIENCE_MS = 10_000

/** Rejects with `hangs` where the disk does not answer: the thread has other work waiting then. */
export function readingBy(
  thread: Thread,
  hangs: () => Error,
  nextCursor: () => number,
  patience = READ_PATIENCE_MS,
): Reading {
  const read = asking(thread, hangs, patience)

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

/** Milliseconds until whoever waits for a large history to be written anew is told so. */
const SCOUR_PATIENCE_MS = 600_000

/** The same for what has to go. */
export function forgettingBy(thread: Thread, hangs: () => Error): PatientForgetting {
  const ask = asking(thread, hangs, READ_PATIENCE_MS)
  return {
    forgetPage: (...args) => ask('forgetPage', args),
    forgetNames: (...args) => ask('forgetNames', args),
    scour: () => asking(thread, hangs, SCOUR_PATIENCE_MS)('scour', []),
  }
}

type Thread = Pick<DiskThread, 'later' | 'isLate'>

function asking(thread: Thread, hangs: () => Error, patience: number) {
  return async <T>(job: string, args: readonly unknown[]): Promise<T> => {
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
}
