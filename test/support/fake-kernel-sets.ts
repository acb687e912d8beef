/** Kernel sets in which nobody does anything: what others do to them is tested in the kernel. */
import type { KernelSets } from '../../src/lockout/kernel-sets.ts'

export const quietKernelSets: KernelSets = {
  boot: () => 'today',
  place: () => 'here',
  watch: () => ({ [Symbol.dispose]() {} }),
  read: async () => [],
  count: async () => 0,
}
