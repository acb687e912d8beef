/** How full each set is. The daemon knows its flies; what the kernel fills by itself has to be counted there. */
import { KERNEL_FILLED, type KernelFilled, type KernelSets } from '../../keep/kernel-sets.ts'
import type { FlySet } from '../../terms/fly.ts'

export type Fill = Readonly<Record<FlySet | KernelFilled, number>>

/** Counting reads the whole set, piece by piece: not oftener than this, and not further than this. */
const COUNT_MS = 15_000
export const COUNT_MAX = 262_144

/** Counts the sets that the kernel fills; asked again soon, it tells what it counted last. */
export function kernelFill(kernelSets: Pick<KernelSets, 'read'>, now: () => number) {
  let counted: Promise<Record<KernelFilled, number>> | undefined
  let countedAt = 0
  return () => {
    if (counted === undefined || Math.abs(now() - countedAt) > COUNT_MS) {
      countedAt = now()
      counted = count(kernelSets)
      counted.catch(() => {
        counted = undefined
      })
    }
    return counted
  }
}

async function count(kernelSets: Pick<KernelSets, 'read'>): Promise<Record<KernelFilled, number>> {
  const counted = {} as Record<KernelFilled, number>
  for (const set of KERNEL_FILLED) counted[set] = (await kernelSets.read(set, COUNT_MAX))?.length ?? COUNT_MAX
  return counted
}
