/** What others did to the kernel's sets, as far as it is about flies, and what is to be set right there. */
import { disarm } from '../arm/disarm.ts'
import { presentSets } from '../arm/firewall.ts'
import { REFILLED, type SetName } from '../arm/names.ts'
import type { Strange } from '../keep/external-changes.ts'
import { commit } from '../lockout/commit.ts'
import { adopt } from '../lockout/decide/adopt.ts'
import { decision } from '../lockout/decide/decision.ts'
import { released } from '../lockout/decide/leave.ts'
import { forgetCounted } from '../lockout/hold.ts'
import { refusedByHandSentence } from '../log/sentence.ts'
import { armBy, tellFault } from './arming.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'
import type { World } from './world.ts'

/** To take a fly out of the set is to free it. */
export function takeReleased({ state, ledger, world }: Daemon, { gone, by }: InputOf<'released'>): void {
  const now = world.now()
  commit(released(gone, by, state.flies, now), ledger, now)
  state.memory.forget(gone)
  forgetCounted(ledger, gone)
}

/** To put somebody into the set is to lock him out. */
export function takeFound({ state, ledger, world, alarms }: Daemon, { found, by }: InputOf<'found'>): void {
  const now = world.now()
  const { pastOf } = world.history
  const adopting = { flies: state.flies, spared: state.policy.spared, pastOf }
  const { decision, refused } = adopt(found, by, adopting, now)
  if (refused.length > 0) alarms.byHand(refusedByHandSentence(refused, by))
  commit(decision, ledger, now)
}

/** With all flies; without what others have put into the sets, and those whom the kernel would not let go before. */
export function rearm(daemon: Daemon, { strange }: InputOf<'rearm'>): void {
  const { state, ledger, world, inUseClock } = daemon
  putNamesBack(daemon)
  takeOut(strange, world)
  armWhole(daemon)
  tellFault(daemon)
  const now = world.now()
  const evict = [...state.owed].filter(fly => state.flies.get(fly, now) === undefined)
  state.owed.clear()
  state.breadth.tellAgain()
  commit(decision({ evict }), ledger, now)
  inUseClock.now()
  daemon.namedClock.now()
}

/** In its place; what cannot be set right there is made anew: all but the sets of the flies, and if need be those, too. */
function armWhole(daemon: Daemon): void {
  const { state, world, audit } = daemon
  const isWhole = () => audit.look().fault === undefined
  try {
    armBy(state.policy, daemon, { isRearm: true })
    if (isWhole()) return
  } catch (error) {
    if (isWhole()) throw error
  }
  try {
    disarm(world.firewall, { keepFlies: true, madeTable: false })
    armBy(state.policy, daemon, { isRearm: true })
  } catch {
    disarm(world.firewall, { keepFlies: false, madeTable: false })
    armBy(state.policy, daemon, { isRearm: true })
  }
}

/** A chain with another name would go on doing what it did, beside the one that is armed again. */
function putNamesBack({ world: { firewall }, audit }: Daemon): void {
  for (const { from, handle, to, isTaken } of audit.renamed()) {
    if (isTaken) firewall.change([{ change: 'flush-chain', chain: from }])
    firewall.change([
      isTaken ? { change: 'delete-chain', chain: from } : { change: 'rename-chain', chain: from, handle, to },
    ])
  }
}

function takeOut(strange: readonly Strange[], { firewall }: World): void {
  const present = presentSets(firewall)
  for (const { set, keys } of strange) {
    if (keys === undefined) present.change([{ change: 'empty', set: set as SetName }])
    else if (!REFILLED.includes(set)) firewall.takeOut(set, keys)
  }
}

export function mend({ ledger, world }: Daemon, { restore, refill, stale }: InputOf<'mend'>): void {
  const parts = { restore: restore ?? [], refill: refill ?? [], evict: stale ?? [] }
  commit(decision(parts), ledger, world.now())
}
