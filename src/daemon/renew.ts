/** What the trap goes by is renewed: new settings, other addresses nearby, another firewall beside it. */
import { isSameNear } from '../arm/near.ts'
import { knownChanges, neighbourhoodChanges, surroundingChanges } from '../arm/surroundings.ts'
import { autoOf, autoSentence, reviewOf } from '../doctor/auto.ts'
import { ASLEEP } from '../keep/audit.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import { commit } from '../lockout/commit.ts'
import { spare } from '../lockout/decide/leave.ts'
import type { Settings } from '../settings/settings.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { armBy, tellFault } from './arming.ts'
import type { Daemon } from './daemon.ts'
import { freeIn } from './orders.ts'
import { type Machine, type Policy, plan, planWith, withNear } from './policy.ts'
import type { World } from './world.ts'

/** Takes new settings without a gap, or throws a Failure and goes on with the old ones. */
export function reload(daemon: Daemon, asked: Settings): void {
  take(daemon, plan(asked, machineOf(daemon.world)))
  daemon.state.following = { followed: daemon.state.following.followed }
}

export function machineOf({ lookAtFirewall, surroundings, firewall }: World): Machine {
  return { lookAtFirewall, surroundings, supports: firewall.supports }
}

/** Nothing is assigned before the kernel has the new trap; what fails afterwards is mended and unsays nothing. */
function take(daemon: Daemon, next: Policy): void {
  const { state, keeper, sources, changed, audit } = daemon
  if (next.settings.dryRun !== state.policy.settings.dryRun) throw otherHistory()
  if (audit.look().isAsleep) throw asleep()
  using prepared = sources.prepare(next)
  try {
    armBy(next, daemon, { skipRestore: true })
  } catch (error) {
    keeper.rearm('new settings are refused')
    throw error
  }
  state.policy = next
  tellFault(daemon)
  prepared.take()
  changed()
  letGoSpared(daemon)
  freeNever(daemon)
}

/** Whom the kernel would drop unasked although he is never locked out by the policy in force is no fly any more. */
export function letGoSpared({ state, ledger, world }: Daemon): void {
  const now = world.now()
  commit(spare(state.policy.spared, state.flies, now), ledger, now)
}

/** The kernel asks the never-list before it asks whether somebody else is a fly, or held: so this may take its time. */
export function freeNever(daemon: Daemon): void {
  const { never } = daemon.state.policy.settings
  if (never.length === 0) return
  freeIn(daemon, { input: 'free', wanted: never, by: 'the never-list', freed: () => {} }).catch(error => {
    if (!daemon.ended.aborted)
      daemon.alarms.background(`whoever stands in the never-list is not freed: ${String(error)}`)
  })
}

/** Looks at this machine again: addresses, routes, resolvers, served ports, connections, the firewall beside us. */
export function look(daemon: Daemon): void {
  const { world, state, audit, keeper, acquaintances, sources, care, alarms, ruleChanges } = daemon
  const { surroundings, now } = world
  // First, since whatever else is done here needs the sets.
  keeper.check('somebody')
  followNear(daemon)
  const { settings, near } = state.policy
  world.firewall.change([
    ...surroundingChanges(surroundings, settings.closed),
    ...knownChanges(surroundings.connected(), near.nameFly),
  ])
  acquaintances
    .remember(surroundings.served(), now())
    .catch(error => alarms.background(`cannot write down whom this machine has to do with: ${String(error)}`))
  sources.look()
  tellRemarks(daemon)
  if (!keeper.isAsleep()) {
    followLocalPorts(daemon)
    const again = followFirewall(daemon)
    if (again !== undefined) ruleChanges.lookIn(again)
  }
  care.minute()
  state.flies.sweep(now())
  if (audit.isDue()) keeper.follow('audit')
}

/** Where the kernel refuses it, all is tried again at the next look. */
function followNear(daemon: Daemon): void {
  const { state, world } = daemon
  const { policy } = state
  const neighbourhood = world.surroundings.neighbourhood()
  if (isSameNear(policy.near, neighbourhood)) return
  world.firewall.change(neighbourhoodChanges(neighbourhood, policy.settings.never))
  state.policy = withNear(policy, neighbourhood)
  letGoSpared(daemon)
}

/** The rules name these ports, so the trap is renewed. */
function followLocalPorts(daemon: Daemon): void {
  const { state, world } = daemon
  const { asked, auto, firstLocalPort } = state.policy
  const first = world.surroundings.firstLocalPort()
  if (first === firstLocalPort) return
  take(daemon, planWith(asked, auto, machineOf(world)))
  world.log.info(
    `this machine now opens connections from ports ${first} and above: late packets to these are no offence`,
  )
}

/** What could not be read whole is said once. */
function tellRemarks({ state, world }: Daemon): void {
  const remarks = world.surroundings.remarks()
  for (const remark of remarks) if (!state.unread.includes(remark)) world.log.warn(remark)
  state.unread = remarks
}

/** Looks at the firewall beside us, and takes another mode where closed = "auto" should: by the way that a reload takes. */
export function followFirewall(daemon: Daemon): number | undefined {
  const { state, world, ruleChanges, audit } = daemon
  const { asked, auto } = state.policy
  if (auto === undefined) return undefined
  const next = autoOf(asked, world.lookAtFirewall)
  const moment = { now: world.clock(), rest: ruleChanges.rest(), enough: REST_SECONDS }
  const found = reviewOf(auto, next, state.following, moment)
  if (found.review === 'wait') {
    state.following = found.following
    return found.seconds
  }
  if (found.review === 'take') {
    // A trap that somebody has just removed is armed again first, with its flies.
    if (audit.look().changed !== undefined) return REST_SECONDS
    take(daemon, planWith(asked, next, machineOf(world)))
    world.log[found.isWeaker ? 'warn' : 'info'](found.text)
  } else state.policy = { ...state.policy, auto: next }
  state.following = found.following
  return undefined
}

/** Which mode closed = "auto" took, and why; undefined when the settings name one. */
export function autoText({ auto }: Policy): string | undefined {
  return auto === undefined ? undefined : autoSentence(auto)
}

/** A mode that was taken in doubt is a warning: another would see more. */
export function tellAuto({ state, world }: Daemon): void {
  const { auto } = state.policy
  if (auto !== undefined) world.log[auto.isCautious ? 'warn' : 'info'](autoSentence(auto))
}

/** To load a ruleset wakes the table, and whatever of the administrator's sleeps in it. */
function asleep(): Failure {
  return new Failure(ASLEEP, { exit: EXIT.unavailable, hint: 'The settings in force stay.' })
}

function otherHistory(): Failure {
  return new Failure(
    'the settings change dry_run, which a running daemon cannot do: it has a history of its own',
    {
      exit: EXIT.settings,
      hint: 'Stop it and start it anew: flypaperd stop, then flypaperd start',
    },
  )
}
