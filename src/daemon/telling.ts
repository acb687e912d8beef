/** Who comes and goes is counted, told, and written into the state file. */

import type { Tally } from '../counters/tally.ts'
import type { Told } from '../lockout/commit.ts'
import type { InUseClock } from './in-use.ts'
import { firstDue, type TryingClock } from './trying.ts'
import type { World } from './world.ts'

export interface Telling {
  readonly tally: Tally
  readonly dryRun: boolean
  readonly changed: () => void
  /** Somebody is to be asked for then, whether he tries. */
  readonly tryingClock: Pick<TryingClock, 'note'>
  /** Somebody sticks to whom we may have connections. */
  readonly inUseClock: Pick<InUseClock, 'now'>
}

export function tellFlies(
  { events }: World,
  { tally, dryRun, changed, tryingClock, inUseClock }: Telling,
): Told {
  const event = dryRun ? 'would-lock-out' : 'lockout'
  return {
    entered(lockouts) {
      tryingClock.note(firstDue(lockouts))
      // A forgeable lockout of a stranger is of nobody whom we talk to, and strangers bring as many of them as they like.
      if (lockouts.some(({ grade }) => grade !== 'forgeable')) inUseClock.now()
      for (const lockout of lockouts) {
        tally.lockedOut(lockout)
        events.tell({ event, lockout })
      }
    },
    prolonged(prolongations) {
      for (const prolongation of prolongations) events.tell({ event: 'prolong', prolongation })
    },
    left({ flies, release: { by, because } }) {
      if (because === 'freed') for (const source of flies) events.tell({ event: 'free', source, by })
    },
    changed,
  }
}
