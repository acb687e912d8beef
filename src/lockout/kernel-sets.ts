/** What keeping the flies needs to know of the kernel's sets beyond changing them. */
import type { ForeignTransaction, FoundElement } from './foreign.ts'

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
  /** Tells what others do to table inet filter, until disposed of. */
  watch(told: {
    readonly onForeign: (transaction: ForeignTransaction) => void
    /** Announcements were lost: anything may have happened. */
    readonly onLost: () => void
    readonly onError: (error: unknown) => void
  }): Disposable
  /**
   * The elements of a set, read piece by piece while everything else goes on: undefined when there are more than
   * `most`, none when there is no such set. Slow for a large one: never for a look-up.
   */
  read(set: 'flypaper' | 'flypaper6', most: number): Promise<readonly FoundElement[] | undefined>
  /** How many there are, read in the same way. */
  count(set: KernelFilled, most: number): Promise<number | undefined>
}
