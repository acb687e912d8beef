/** Kernel sets of a fake firewall: they are listed from it, and a test announces what others do to them. */
import { devicesText } from '../../src/arm/ruleset/ingress.ts'
import type { ForeignChange, ForeignTransaction, FoundElement } from '../../src/keep/external-changes.ts'
import type { KernelSets } from '../../src/keep/kernel-sets.ts'
import type { LiveTable } from '../../src/keep/live-table.ts'
import type { Address } from '../../src/terms/address.ts'
import type { FakeFirewall } from './fake-firewall.ts'

/** A chain that is made anew gets the same: what rules are in it tells them apart. */
function numberOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000_007, 0)
}

const at = (devices: readonly string[] | undefined) => (devices ? ` ${devicesText(devices)}` : '')

/** As the kernel would tell it. */
function liveTableOf(firewall: FakeFirewall): LiveTable | undefined {
  const table = firewall.look()
  if (table === undefined) return undefined
  const rules = Map.groupBy(table.rules, ({ chain }) => chain)
  return {
    handle: table.handle ?? 0,
    isDormant: false,
    chains: table.chains.map(({ name, hook, devices, priority, policy }) => ({
      name,
      handle: numberOf(name),
      hook: hook && `type filter hook ${hook}${at(devices)} priority ${priority}; policy ${policy};`,
    })),
    sets: table.sets.map(set => ({ ...set, handle: set.handle ?? 0 })),
    rules,
  }
}

/** Sets in which nobody does anything: what others do to them is tested in the kernel. */
export const quietKernelSets: KernelSets = {
  boot: () => 'today',
  table: () => undefined,
  place: () => 'here',
  watch: () => ({ [Symbol.dispose]() {} }),
  read: async () => [],
  find: () => new Set(),
  count: async () => 0,
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
    table: () => liveTableOf(firewall),
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

export interface FakeKernelSets extends KernelSets {
  /** Tells the watch, if there is one, what another program did. */
  announce(changes: readonly ForeignChange[], who?: Partial<ForeignTransaction>): void
  /** Tells it that another program has changed a rule of its own. */
  writeRules(): void
  /** Tells it that announcements were lost. */
  lose(): void
  isWatched(): boolean
  /** The sets that were listed. */
  readonly listed: string[]
}

export function fakeKernelSets(firewall: FakeFirewall): FakeKernelSets {
  let watch: Parameters<KernelSets['watch']>[0] | undefined
  const listed: string[] = []
  return {
    ...quietKernelSets,
    table: () => liveTableOf(firewall),
    listed,
    announce: (changes, who) => watch?.onForeign({ pid: 4711, name: 'nft', cut: false, changes, ...who }),
    writeRules: () => watch?.onRules(),
    lose: () => watch?.onLost(),
    isWatched: () => watch !== undefined,
    watch(told) {
      watch = told
      return {
        [Symbol.dispose]() {
          watch = undefined
        },
      }
    },
    async read(set, most) {
      listed.push(set)
      if (firewall.look()?.sets.some(({ name }) => name === set) !== true) return []
      const elements = [...firewall.elementsOf(set)]
      if (elements.length > most) return undefined
      return elements.map(([element, seconds]) => ({ element: element as Address, seconds }))
    },
    find(set, elements) {
      if (firewall.look()?.sets.some(({ name }) => name === set) !== true) return undefined
      return new Set(elements.filter(element => firewall.elementsOf(set).has(element as string)))
    },
  }
}
