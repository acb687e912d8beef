/** Kernel sets in which nobody does anything: what others do to them is tested in the kernel. */
import type { FoundElement } from '../../src/keep/external-changes.ts'
import type { KernelSets } from '../../src/keep/kernel-sets.ts'
import type { Address } from '../../src/terms/address.ts'
import type { FakeFirewall } from './fake-firewall.ts'

export const quietKernelSets: KernelSets = {
  boot: () => 'today',
  place: () => 'here',
  watch: () => ({ [Symbol.dispose]() {} }),
  read: async () => [],
  find: () => new Set(),
}

/** The sets of a fake firewall; `listing` is what a listing of one tells of its elements. */
export function kernelSetsOf(
  firewall: FakeFirewall,
  listing: (set: string, elements: readonly FoundElement[]) => Promise<readonly FoundElement[]> = async (
    _,
    elements,
  ) => elements,
): KernelSets {
  return {
    ...quietKernelSets,
    read: (set, most) => {
      const elements = [...firewall.elementsOf(set)].map(([element, seconds]) => ({
        element: element as Address,
        ...(seconds !== undefined && { seconds }),
      }))
      return elements.length > most ? Promise.resolve(undefined) : listing(set, elements)
    },
    find: (set, elements) =>
      new Set(elements.filter(element => firewall.elementsOf(set).has(element as string))),
  }
}
