/** What keeping the trap needs to know of the kernel's sets, chains and rules beyond changing them. */
import type { Address } from '../terms/address.ts'
import type { ForeignTransaction, FoundElement } from './external-changes.ts'
import type { LiveTable } from './live-table.ts'

/** The sets of addresses that the kernel fills by itself. */
export const KERNEL_FILLED = [
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_peers',
  'flypaper_peers6',
  'flypaper_known',
  'flypaper_known6',
] as const
export type KernelFilled = (typeof KERNEL_FILLED)[number]

export interface KernelSets {
  /** Names the boot of this machine. */
  boot(): string
  /** Names the boot and the network namespace in which these sets live. */
  place(): string
  /** Table inet filter, with the rules of these of its chains; undefined where there is none. Some milliseconds, whatever is in the sets. */
  table(rulesOf: readonly string[]): LiveTable | undefined
  /** Tells what others do to table inet filter, and that they change rules of whatever table, until disposed of. */
  watch(told: {
    readonly onForeign: (transaction: ForeignTransaction) => void
    /** Tables, chains or rules that are not ours; once for each transaction. */
    readonly onRules: () => void
    /** What stands in sets or maps of others that count, by their names: `ip nat published`. */
    readonly onElements: { readonly counts: (named: string) => boolean; readonly told: () => void }
    /** Announcements were lost: anything may have happened. */
    readonly onLost: () => void
    readonly onError: (error: unknown) => void
  }): Disposable
  /**
   * The elements of a set, read piece by piece while everything else goes on: undefined when there are more than
   * `most`, none when there is no such set. Slow for a large one: never for a look-up. What is there all the time may be left out
   * when the set changes meanwhile: an absence is a fact only when `find` says so.
   */
  read(
    set: 'flypaper' | 'flypaper6' | KernelFilled,
    most: number,
  ): Promise<readonly FoundElement[] | undefined>
  /** Which of these addresses are in a set; undefined when there is no such set. Takes no longer for a large one. */
  find(
    set: 'flypaper' | 'flypaper6' | KernelFilled,
    elements: readonly Address[],
  ): ReadonlySet<string> | undefined
  /** How many elements a set has, read in the same way as `read` does; undefined when there are more than `most`. */
  count(set: KernelFilled, most: number): Promise<number | undefined>
}
