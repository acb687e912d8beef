/** Who comes and goes is counted, told, and written into the state file. */

import type { Tally } from '../counters/tally.ts'
import type { Told } from '../lockout/commit.ts'
import { isAttack, type Lockout, type Prolongation } from '../lockout/lockout.ts'
import type { Note } from '../ring/entry.ts'
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
  readonly note: (note: Note) => void
}

export function tellFlies(
  { events }: World,
  { tally, dryRun, changed, tryingClock, inUseClock, note }: Telling,
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
      noteEnds(
        'by-hand',
        lockouts.filter(({ because }) => !isAttack(because)),
        note,
      )
    },
    prolonged(prolongations) {
      const isByHand = ({ by }: Prolongation) => by !== undefined
      noteEnds('by-hand', prolongations.filter(isByHand), note)
      noteEnds(
        'goes-on',
        prolongations.filter(one => !isByHand(one)),
        note,
      )
      for (const prolongation of prolongations) events.tell({ event: 'prolong', prolongation })
    },
    left({ flies, release: { by, because } }) {
      if (because !== 'freed' && because !== 'withdrawn') return
      note({ note: 'freed', sources: flies })
      for (const source of flies) events.tell({ event: 'free', source, by })
    },
    changed,
  }
}

/** Nobody can tell from packets. */
function noteEnds(
  what: 'by-hand' | 'goes-on',
  ends: readonly Pick<Lockout, 'source' | 'until'>[],
  note: Telling['note'],
): void {
  if (ends.length > 0) note({ note: what, sources: ends.map(({ source, until }) => [source, until]) })
}
