/** How full each set is. The daemon knows its flies; what the kernel fills by itself has to be counted there. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KERNEL_FILLED, type KernelFilled, type KernelSets } from '../../keep/kernel-sets.ts'
import type { FlySet } from '../../terms/fly.ts'

export type Fill = Readonly<Record<FlySet, number> & Partial<Record<KernelFilled, number>>>

/** Counting reads the whole set, piece by piece: not oftener than this, and not further than this. */
const COUNT_SECONDS = 15
export const COUNT_MAX = 262_144
/** Full sets take seconds of the kernel's time: counting is at rest for so many times as long as it took. */
export const COUNT_REST = 20
/** Whoever asks waits so long for a count that is being made; then he is told the last one. */
const PATIENCE_MS = 1000

/** Counts the sets that the kernel fills; asked again soon, it tells what it counted last. `clock` tells seconds. */
export function kernelFill(kernelSets: Pick<KernelSets, 'count'>, clock: () => number) {
  let counted: Partial<Record<KernelFilled, number>> = {}
  let counting: Promise<void> | undefined
  let restUntil = Number.NEGATIVE_INFINITY

  async function count(): Promise<void> {
    const began = clock()
    try {
      const fresh: typeof counted = {}
      for (const set of KERNEL_FILLED) fresh[set] = (await kernelSets.count(set, COUNT_MAX)) ?? COUNT_MAX
      counted = fresh
    } finally {
      counting = undefined
      restUntil = Math.max(began + COUNT_SECONDS, clock() + (clock() - began) * COUNT_REST)
    }
  }

  return async () => {
    if (counting === undefined && clock() >= restUntil) {
      counting = count()
      counting.catch(() => {}) // Whoever waits for it is told.
    }
    if (counting !== undefined) {
      using impatience = patience()
      await Promise.race([counting, impatience.over])
    }
    return counted
  }
}

/** Keeps no timer when it is not needed any more. */
function patience(): Disposable & { readonly over: Promise<void> } {
  const abort = new AbortController()
  const over = sleep(PATIENCE_MS, undefined, abort).catch(() => {})
  return { over, [Symbol.dispose]: () => abort.abort() }
}
