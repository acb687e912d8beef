/** What the trap goes by is renewed: new settings, other addresses nearby, another firewall beside it. */
import { isDeepStrictEqual } from 'node:util'
import { exchanges } from '../arm/listed.ts'
import { connectedHosts, renew } from '../arm/met.ts'
import { isSameNear } from '../arm/near.ts'
import { insideOf, neighbourhoodChanges, surroundingChanges } from '../arm/surroundings.ts'
import { type Auto, autoSentence, reviewOf } from '../doctor/auto.ts'
import { ASLEEP } from '../keep/audit.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import { commit } from '../lockout/commit.ts'
import { spare } from '../lockout/decide/leave.ts'
import { SettingsFailure } from '../settings/explain.ts'
import type { NeverFiles, Settings } from '../settings/settings.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import { type PrefixSet, prefixesIn } from '../terms/prefix-set.ts'
import { armBy, tellFault } from './arming.ts'
import { followDoors } from './conditional.ts'
import type { Daemon } from './daemon.ts'
import { freeAcross, freeIn } from './orders.ts'
import {
  besideOf,
  groundOf,
  listedBy,
  type Machine,
  type Policy,
  plan,
  planWith,
  withNear,
  withNeverFiles,
} from './policy.ts'
import type { World } from './world.ts'

/** Of so few prefixes the kernel is asked for each source that they can have, rather than for everybody whom it holds. */
const FEW = 100
/** A file that was written to so lately may not be whole yet. */
const SETTLED_MS = 1000

/** Takes new settings without a gap, or throws a Failure and goes on with the old ones. */
export function reload(daemon: Daemon, asked: Settings): void {
  take(daemon, plan(asked, machineOf(daemon.world)))
  daemon.state.following = { followed: daemon.state.following.followed }
  daemon.state.neverRefused = undefined
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
  state.policy = next
  tellFault(daemon)
  tellKernel(daemon)
  prepared.take()
  tryingClock.note(world.now())
  inUseClock.now()
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
  freeListed(daemon, daemon.state.policy.never).catch(error => {
    if (!daemon.ended.aborted)
      daemon.alarms.background(`whoever stands in the never-list is not freed: ${String(error)}`)
  })
}

async function freeListed(daemon: Daemon, never: PrefixSet): Promise<void> {
  const by = 'the never-list'
  if (never.size > FEW) await freeAcross(daemon, never, by)
  else if (never.size > 0)
    await freeIn(daemon, { input: 'free', wanted: [...prefixesIn(never)], by, freed: () => {} })
}

/** Looks at this machine again: addresses, routes, resolvers, served ports, connections, the firewall beside us. */
export function look(daemon: Daemon): void {
  const { world, state, audit, keeper, acquaintances, excuses, sources, care, alarms, ruleChanges } = daemon
  const { surroundings, now } = world
  // First, since whatever else is done here needs the sets.
  keeper.check('somebody')
  followNear(daemon)
  followNeverFiles(daemon)
  const { settings, near } = state.policy
  world.firewall.change([
    ...excuses.changes(settings, surroundings, now()),
    ...surroundingChanges(surroundings, settings, state.policy.conditional),
  ])
  const isFly = (fly: Fly) => state.flies.get(fly, now()) !== undefined
  renew(world.firewall, connectedHosts(surroundings.connected(), near.nameFly, isFly))
  acquaintances
    .remember(surroundings.served(), now())
    .catch(error => alarms.background(`cannot write down whom this machine has to do with: ${String(error)}`))
  sources.look()
  tellRemarks(daemon)
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

/** Takes a policy that differs in whom it spares. */
function relist(daemon: Daemon, next: Policy): void {
  const { state, world } = daemon
  try {
    for (const change of exchanges(listedBy(state.policy), listedBy(next))) world.firewall.change([change])
  } catch (error) {
    daemon.keeper.rearm(`the never-list is refused: ${String(error)}`, 'later')
  }
  state.policy = next
  letGoSpared(daemon)
}

/**
 * The files of never_files, when one of them has changed. What cannot be taken is said once, and what they said before stays in force. What was written just
 * now may be half of it: it has time until the next look.
 */
function followNeverFiles(daemon: Daemon): void {
  const { state, world } = daemon
  const { named, version } = state.policy.settings.neverFiles
  if (named.length === 0) return
  const there = world.neverFiles.version(named)
  const isSettled = Math.abs(world.now() - there.written) >= SETTLED_MS
  if (there.version === (state.neverRefused ?? version) || !isSettled) return
  const neverFiles = readAgain(world, named)
  state.neverRefused = neverFiles === undefined ? there.version : undefined
  if (neverFiles === undefined) return
  relist(daemon, withNeverFiles(state.policy, neverFiles))
  freeNever(daemon)
  world.log.info(`never_files were read again: ${neverFiles.prefixes.size} prefixes`)
}

function readAgain({ neverFiles, log }: World, named: readonly string[]): NeverFiles | undefined {
  try {
    return neverFiles.read(named)
  } catch (error) {
    if (!(error instanceof SettingsFailure)) throw error
    log.warn(`what never_files said before stays in force: ${mistakeSentence(error)}`)
    return undefined
  }
}

/** The first of them in one line. */
function mistakeSentence({ mistakes: [first, ...more] }: SettingsFailure): string {
  if (first === undefined) return 'they cannot be read'
  const { file, line, column, problem, advice } = first
  const where = line === undefined ? file : `${file}:${line}:${column}`
  return `${where}: ${problem}; ${advice}${more.length === 0 ? '' : `; and ${more.length} mistakes more`}`
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

/** What lies behind this machine, for people. */
export function insideSentence({ near, settings }: Policy): string {
  const inside = insideOf(near.neighbourhood, settings).map(({ text }) => text)
  return inside.length === 0
    ? 'no network lies inside any more: what is sent on through this machine is lost to whoever is locked out'
    : `inside: ${inside.join(', ')}: what is sent on from there to the outside is no offence, and passes also while its sender is locked out`
}

/** What could not be read whole is said once. */
function tellRemarks({ state, world }: Daemon): void {
  const remarks = world.surroundings.remarks()
  for (const remark of remarks) if (!state.unread.includes(remark)) world.log.warn(remark)
  state.unread = remarks
}

/** Looks at the firewall beside us; tells in how many seconds it wants to look again. */
export function followFirewall(daemon: Daemon): number | undefined {
  const { asked } = daemon.state.policy
  if (asked.closed === 'listening') return undefined
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

function otherHistory(): Failure {
  return new Failure(
    'the settings change dry_run, which a running daemon cannot do: it has a history of its own',
    {
      exit: EXIT.settings,
      hint: 'Stop it and start it anew: flypaperd stop, then flypaperd start',
    },
  )
}
