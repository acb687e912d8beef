/** The counters, since the daemon started. */
import type { Capture, CaptureCounts } from '../capture/capture.ts'
import { INNOCENCES, type Innocence } from '../judge/verdict.ts'

export interface Counts {
  readonly lockouts: number
  /** Packets whose source was let go, by reason. */
  readonly spared: Readonly<Record<Innocence, number>>
  readonly capture: CaptureCounts
}

export interface Tally {
  lockedOut(): void
  spared(because: Innocence): void
  counts(capture: Capture): Counts
}

export function openTally(): Tally {
  let lockouts = 0
  const spared = Object.fromEntries(INNOCENCES.map(because => [because, 0])) as Record<Innocence, number>
  return {
    lockedOut: () => void lockouts++,
    spared: because => void spared[because]++,
    counts: capture => ({ lockouts, spared: { ...spared }, capture: capture.counts() }),
  }
}
