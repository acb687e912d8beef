/** What the trap goes by is renewed: new settings, other addresses nearby, another firewall beside it. */
import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { connectedHosts, renew } from '../arm/met.ts'
import { isSameNear } from '../arm/near.ts'
import { insideOf, neighbourhoodChanges, surroundingChanges } from '../arm/surroundings.ts'
import { type Auto, autoSentence, reviewOf } from '../doctor/auto.ts'
import { ASLEEP } from '../keep/audit.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import { contextOf } from '../ring/context.ts'
import type { Settings } from '../settings/settings.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import { armBy, tellFault } from './arming.ts'
import { followDoors } from './conditional.ts'
import type { Daemon } from './daemon.ts'
import { keepNeverByHand } from './never-by-hand.ts'
import { followNeverFiles, forgetNeverLook } from './never-files.ts'
import { freeNever, letGoSpared, relist } from './never-list.ts'
import { besideOf, groundOf, listedBy, type Machine, type Policy, planWith, withNear } from './policy.ts'
import type { World } from './world.ts'

/**
 * Takes new settings without a gap, or rejects with a Failure and goes on with the old ones. To read the rules of others takes as long as to arm, so
 * whoever waits has his turn in between, and what goes by anything else of this machine is planned after that.
 */
export async function reload(daemon: Daemon, asked: Settings): Promise<void> {
  const { world, state, ended, ruleChanges } = daemon
  // From where packets are received it is only the second turn that lets them come in between.
  await turn()
  const beside = besideOf(asked, world.lookAtFirewall)
  await turn()
  if (ended.aborted) throw ending()
  // Those by hand are not in the settings' files.
  const { neverByHand } = state.policy.asked
  take(daemon, planWith({ ...asked, neverByHand }, beside, machineOf(world)))
  state.following = { followed: state.following.followed }
  forgetNeverLook(daemon)
  // Of what has changed in between, these settings know nothing.
  ruleChanges.lookIn(0)
}

export function machineOf({ lookAtFirewall, surroundings, firewall }: World): Machine {
  return { lookAtFirewall, surroundings, supports: firewall.supports }
}

/** Nothing is assigned before the kernel has the new trap; what fails afterwards is mended and unsays nothing. */
function take(daemon: Daemon, next: Policy): void {
  const { state, keeper, sources, changed, audit, tryingClock, inUseClock, world } = daemon
  if (next.settings.dryRun !== state.policy.settings.dryRun) throw otherHistory()
  if (audit.look().isAsleep) throw asleep()
  using prepared = sources.prepare(next)
  try {
    armBy(next, daemon, { skipRestore: true, isJudging: true, listed: listedBy(state.policy) })
  } catch (error) {
    keeper.rearm('new settings are refused')
    throw error
  }
  const before = state.policy
  state.policy = next
  tellFault(daemon)
  tellKernel(daemon)
  tellIngress(daemon, before)
  prepared.take()
  tryingClock.note(world.now())
  inUseClock.now()
  daemon.namedClock.now()
  followRing(daemon)
  changed()
  letGoSpared(daemon)
  freeNever(daemon)
}

/** What comes from now on was graded and is judged by the policy in force. */
export function followRing({ ring, state }: Daemon): void {
  ring.follow(state.policy.settings.ring, () =>
    contextOf(state.policy.asked, state.policy.near.neighbourhood),
  )
}

/** Looks at this machine again: addresses, routes, resolvers, served ports, connections, the firewall beside us. */
export function look(daemon: Daemon): void {
  const { world, state, audit, keeper, acquaintances, excuses, bound, sources, care, alarms, ruleChanges } =
    daemon
  const { surroundings, now } = world
  // First, since whatever else is done here needs the sets.
  keeper.check('somebody')
  followNear(daemon)
  followNeverFiles(daemon).catch(error => {
    if (!daemon.ended.aborted) alarms.background(`never_files cannot be looked at: ${String(error)}`)
  })
  keepNeverByHand(daemon)
  const { settings, near } = state.policy
  world.firewall.change([
    ...excuses.changes(settings, surroundings, now()),
    ...bound.changes(settings, surroundings, state.policy.conditional, now()),
    ...surroundingChanges(surroundings, settings, state.policy.conditional),
  ])
  const isFly = (fly: Fly) => state.flies.get(fly, now()) !== undefined
  renew(world.firewall, connectedHosts(surroundings.connected(), near.nameFly, isFly))
  daemon.namedClock.now()
  acquaintances
    .remember(surroundings.served(), now())
    .catch(error => alarms.background(`cannot write down whom this machine has to do with: ${String(error)}`))
  sources.look()
  tellRemarks(daemon)
  followRing(daemon)
  daemon.ring.minute()
  if (!keeper.isAsleep()) {
    followGround(daemon)
    const again = followFirewall(daemon)
    if (again !== undefined) ruleChanges.lookIn(again)
  }
  care.minute()
  daemon.prolonged.note(0, now())
  // Whatever became of a timer: nobody is forgotten.
  daemon.tryingClock.note(now())
  state.flies.sweep(now())
  if (audit.isDue()) keeper.follow('audit')
}

/** Where the kernel refuses it, all is tried again at the next look. */
function followNear(daemon: Daemon): void {
  const { state, world } = daemon
  const { policy } = state
  const neighbourhood = world.surroundings.neighbourhood()
  if (isSameNear(policy.near, neighbourhood)) return
  const next = withNear(policy, neighbourhood)
  world.firewall.change(neighbourhoodChanges(neighbourhood, policy.settings))
  relist(daemon, next)
}

/** The rules name the first local port, and ask for the inside only where there is one, so the trap is renewed. */
function followGround(daemon: Daemon): void {
  const { state, world } = daemon
  const { asked, settings, near, ground } = state.policy
  const next = groundOf(settings, near.neighbourhood, world.surroundings, ground.fib)
  if (isDeepStrictEqual(next, ground)) return
  take(daemon, planWith(asked, state.policy, machineOf(world)))
  if (next.firstLocalPort !== ground.firstLocalPort)
    world.log.info(
      `this machine now opens connections from ports ${next.firstLocalPort} and above: late packets to these are no offence`,
    )
  if (next.inside !== ground.inside) world.log.info(insideSentence(state.policy))
}

/** At which devices flies are dropped at once, where that has changed. */
export function tellIngress({ state: { policy }, world }: Daemon, before?: Policy): void {
  const { ingress } = policy.ground
  const named = policy.settings.ingress
  if (isDeepStrictEqual([ingress, named], [before?.ground.ingress ?? [], before?.settings.ingress ?? []]))
    return
  const absent = named.filter(name => !ingress.includes(name))
  const what =
    ingress.length === 0
      ? 'nobody is dropped at ingress'
      : `who sticks is dropped at ingress of ${ingress.join(', ')}`
  const rest = absent.length === 0 ? '' : `; not here now: ${absent.join(', ')}`
  world.log.info(`${what}${rest}`)
}

/** What lies behind this machine, for people. */
export function insideSentence({ near, settings }: Policy): string {
  const inside = insideOf(near.neighbourhood, settings).map(({ text }) => text)
  return inside.length === 0
    ? 'no network lies inside any more: what is sent on through this machine is lost to whoever is locked out'
    : `inside: ${inside.join(', ')}: what is sent on from there to the outside is no offence, and passes also while its sender is locked out`
}

/** What could not be read whole is said once. */
export function tellRemarks({ state, world }: Daemon): void {
  const remarks = world.surroundings.remarks()
  for (const remark of remarks) if (!state.unread.includes(remark)) world.log.warn(remark)
  state.unread = remarks
}

/** Looks at the firewall beside us; tells in how many seconds it wants to look again. */
export function followFirewall(daemon: Daemon): number | undefined {
  const { asked } = daemon.state.policy
  const next = besideOf(asked, daemon.world.lookAtFirewall)
  const doors = followDoors(daemon, next.conditional)
  return followMode(daemon, next.auto) ?? doors
}

/** Takes another mode where closed = "auto" should: by the way that a reload takes. */
function followMode(daemon: Daemon, next: Auto | undefined): number | undefined {
  const { state, world, ruleChanges, audit } = daemon
  const { asked, auto } = state.policy
  if (auto === undefined || next === undefined) return undefined
  const moment = { now: world.clock(), rest: ruleChanges.rest(), enough: REST_SECONDS }
  const found = reviewOf(auto, next, state.following, moment)
  if (found.review === 'wait') {
    state.following = found.following
    return found.seconds
  }
  if (found.review === 'take') {
    // A trap that somebody has just removed is armed again first, with its flies.
    if (audit.look().changed !== undefined) return REST_SECONDS
    take(daemon, planWith(asked, { auto: next, conditional: state.policy.conditional }, machineOf(world)))
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

/** Said where this kernel cannot do what is wanted. */
export function tellKernel({ state: { policy }, alarms }: Daemon): void {
  if (!policy.ground.fib)
    alarms.lasting(
      'this kernel cannot be asked for routes by rules (it lacks nft_fib and nft_fib_inet): who forges a host of one of our links on another is believed',
    )
  if (policy.asked.lockout.whileTrying && !policy.settings.lockout.whileTrying)
    alarms.lasting(
      'this kernel cannot count the packets of each fly (it is older than 5.7): lockout.while_trying is off, and a lockout ends after its time',
    )
  const { dryRun, history } = policy.asked
  if (history.samplesPerSecond > 0 && policy.settings.history.samplesPerSecond === 0 && !dryRun)
    alarms.lasting(
      'this kernel lacks the modules nft_log and nfnetlink_log: history.samples_per_second is off, and nobody is told which ports flies go on to try',
    )
}

/** To load a ruleset wakes the table, and whatever of the administrator's sleeps in it. */
function asleep(): Failure {
  return new Failure(ASLEEP, { exit: EXIT.unavailable, hint: 'The settings in force stay.' })
}

/** Nobody would take it out again. */
function ending(): Failure {
  return new Failure('the daemon ends, so no new settings are taken', { exit: EXIT.unavailable })
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
