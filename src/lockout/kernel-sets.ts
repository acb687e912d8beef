/** What keeping the flies needs to know of the kernel's sets beyond changing them. */
import type { ForeignTransaction, FoundElement } from './foreign.ts'

export interface KernelSets {
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
}
