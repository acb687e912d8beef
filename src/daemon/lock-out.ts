/** Offences become lockouts, as far as there is room. */
import { commit } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import { isRoomy, type Room } from '../lockout/decide/room.ts'
import { stick } from '../lockout/decide/stick.ts'
import type { Lockout } from '../lockout/lockout.ts'
import type { Offence } from '../lockout/offence.ts'
import { fullSentence } from '../log/sentence.ts'
import type { Weighing } from './daemon.ts'

/** For so long nobody looks again for somebody who could make room, when there was nobody. */
const NO_ROOM_MS = 1000

/** Returns who entered. */
export function lockOut(daemon: Weighing, offences: readonly Offence[], at: number): readonly Lockout[] {
  const { state, ledger, tally, world } = daemon
  const { settings } = state.policy
  const stuck = stick(
    offences,
    {
      flies: state.flies,
      lengths: settings.lockout,
      room: roomFor(daemon, offences.length, at),
      pastOf: world.history.pastOf,
      admit: (candidates, knownOf) => state.promotion.admit(candidates, settings.promotion, at, knownOf),
    },
    at,
  )
  const { enter, leave } = stuck.decision
  const entered = commit(stuck.decision, ledger, at)
  letReach(daemon, entered, at)
  if (stuck.again > 0) tally.again(stuck.again)
  const unplaced = stuck.unplaced + enter.length - entered.length
  if (unplaced > 0) {
    state.fullSince = at
    tally.overflowed(unplaced)
  }
  const left = leave.reduce((sum, { flies }) => sum + flies.length, 0)
  if (left + unplaced > 0) daemon.alarms.full(fullSentence(left, unplaced))
  return entered
}

/**
 * Flies reach what is public, and doors; what is new from who is pending goes nowhere, so he is a fly alone. Of strangers only another firewall makes
 * somebody pending.
 */
function letReach({ state, ledger }: Weighing, entered: readonly Lockout[], at: number): void {
  const { closed, public: open } = state.policy.settings
  const isAnybody = closed === 'unaccepted' && open.length > 0
  const unhold = entered.filter(({ grade }) => isAnybody || grade !== 'forgeable').map(({ source }) => source)
  if (unhold.length > 0) commit(decision({ unhold }), ledger, at)
}

/** Flies whose time is over make room first: they are forgotten before anybody has to leave. */
export function roomFor({ state }: Weighing, more: number, now: number): Room {
  const size = state.policy.settings.sizes.flypaper
  const isHopeless = now - state.fullSince < NO_ROOM_MS
  if (!isHopeless && !isRoomy(more, state.flies, size)) state.flies.sweep(now)
  return { size, isHopeless }
}
