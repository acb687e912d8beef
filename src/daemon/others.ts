/** What others did to the kernel's sets, as far as it is about flies, and what is to be set right there. */
import { commit } from '../lockout/commit.ts'
import { adopt } from '../lockout/decide/adopt.ts'
import { decision } from '../lockout/decide/decision.ts'
import { released } from '../lockout/decide/leave.ts'
import { refusedByHandSentence } from '../log/sentence.ts'
import { armBy } from './arming.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'

/** To take a fly out of the set is to free it. */
export function takeReleased({ state, ledger, world }: Daemon, { gone, by }: InputOf<'released'>): void {
  const now = world.now()
  commit(released(gone, by, state.flies, now), ledger, now)
  state.memory.forget(gone)
}

/** To put somebody into the set is to lock him out. */
export function takeFound({ state, ledger, world, alarms }: Daemon, { found, by }: InputOf<'found'>): void {
  const now = world.now()
  const { timesBefore } = world.history
  const adopting = { flies: state.flies, spared: state.policy.spared, timesBefore }
  const { decision, refused } = adopt(found, by, adopting, now)
  if (refused.length > 0) alarms.byHand(refusedByHandSentence(refused, by))
  commit(decision, ledger, now)
}

/** With all flies; and without those whom the kernel would not let go before. */
export function rearm(daemon: Daemon): void {
  const { state, ledger, world } = daemon
  armBy(state.policy, daemon, { isRearm: true })
  const now = world.now()
  const evict = [...state.owed].filter(fly => state.flies.get(fly, now) === undefined)
  state.owed.clear()
  commit(decision({ evict }), ledger, now)
}

export function mend({ ledger, world }: Daemon, { restore, refill, stale }: InputOf<'mend'>): void {
  const parts = { restore: restore ?? [], refill: refill ?? [], evict: stale ?? [] }
  commit(decision(parts), ledger, world.now())
}
