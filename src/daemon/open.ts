/** Everything that a step acts through is opened here, in the order in which it depends on each other. */
import { openAcquaintances } from '../arm/acquaintances.ts'
import { openBound } from '../arm/bound.ts'
import { openExcuses } from '../arm/excusable.ts'
import { untouched } from '../arm/firewall.ts'
import { openTally } from '../counters/tally.ts'
import { type Care, careForHistory } from '../history/upkeep.ts'
import { openBreadth } from '../judge/breadth.ts'
import { openEvidence } from '../judge/evidence.ts'
import { openSightingBuffer } from '../judge/sightings.ts'
import { auditor } from '../keep/audit.ts'
import { type Debounce, debounce } from '../keep/debounce.ts'
import { type Keeper, keepTrap } from '../keep/keeper.ts'
import { openRuleChanges, type RuleChanges } from '../keep/rule-changes.ts'
import { keepStateFile } from '../keep/state-file.ts'
import type { Ledger } from '../lockout/commit.ts'
import { indexOf } from '../lockout/flies.ts'
import { openPromotion } from '../lockout/promotion.ts'
import { openSampleBuffer } from '../lockout/samples.ts'
import { openAlarm } from '../log/alarm.ts'
import { openDeferrals, openProlonged } from '../log/minutely.ts'
import { openRing, type RingWorld } from '../ring/ring.ts'
import type { Seconds } from '../terms/duration.ts'
import type { Daemon, Feed, State } from './daemon.ts'
import { type InUseClock, openInUseClock } from './in-use.ts'
import { type NamedClock, openNamedClock, openNamedHosts } from './named-hosts.ts'
import { type NeverKeeper, neverAtStart, openNeverKeeper } from './never-by-hand.ts'
import { openPauseClock, type PauseClock, pauseAtStart } from './pause.ts'
import { chainsOf, type Policy, withNever } from './policy.ts'
import { openServedNow } from './served-now.ts'
import { openSources } from './sources.ts'
import { step } from './step.ts'
import { tellFlies } from './telling.ts'
import { openLiving } from './testimony.ts'
import { openTryingClock, type TryingClock } from './trying.ts'
import type { World } from './world.ts'

/** Those whom the kernel would not let go are remembered until it does, at most so many. */
const OWED_MAX = 100_000

/** Opens all that a step acts through; `opening` closes it again from behind. Nothing is changed yet. */
export function openDaemon(
  world: World,
  policy: Policy,
  opening: DisposableStack,
): { readonly daemon: Daemon; readonly seconds: Debounce } {
  const { firewall, history, log, now } = world
  const feed: Feed = input => step(daemon, input)
  const alarm = openAlarm(log, now)
  // Before the flies are read: the clock may have been set meanwhile.
  const care = opening.use(careBy(world, feed, () => daemon))
  const neverKeeper = openNeverKeeper(world)
  const state = openState(world, withByHand(world, policy, neverKeeper, care))
  const ending = new AbortController()
  opening.defer(() => ending.abort())
  const seconds = opening.use(secondsBy(feed, alarm))
  history.onWritten(seconds.begin)
  const { dryRun } = policy.settings
  const changed = changedBy(world, state, opening)
  const tally = openTally()
  const clocks = clocksBy(world, feed, alarm, opening)
  const ring = opening.use(openRing(ringWorldOf(world, alarm)))
  const ledger: Ledger = {
    firewall: dryRun ? untouched(firewall) : firewall,
    history,
    flies: state.flies,
    told: tellFlies(world, { tally, dryRun, changed, note: ring.note, ...clocks }),
    refused(error, stillIn = []) {
      for (const fly of stillIn) if (state.owed.size < OWED_MAX) state.owed.add(fly)
      // What is remembered is known only when the commit is done.
      keeper.rearm(`the kernel refused a change: ${String(error)}`, 'later')
    },
  }
  const sources = opening.use(
    openSources(world, policy, input => {
      seconds.begin()
      return feed(input)
    }),
  )
  const audit = auditor(world.kernelSets, world.surroundings.present)
  const ruleChanges = opening.use(ruleChangesBy(world, feed, alarm))
  const keeper = opening.use(keepBy(world, state, { slept: care.slept, ruleChanges, audit }, feed))
  const daemon: Daemon = {
    world,
    state,
    ledger,
    tally,
    sightings: openSightingBuffer(),
    samples: openSampleBuffer(),
    deferrals: openDeferrals(log),
    prolonged: openProlonged(log),
    ...clocks,
    acquaintances: openAcquaintances(firewall, history),
    living: openLiving(world),
    excuses: openExcuses(firewall, history),
    bound: openBound(),
    audit,
    keeper,
    ruleChanges,
    changed,
    care,
    sources,
    servedNow: openServedNow(world.surroundings, world),
    ring,
    neverKeeper,
    ended: ending.signal,
    alarms: { ...alarmsBy(world), background: alarm },
  }
  return { daemon, seconds }
}

function ringWorldOf({ ring: files, version, now, log }: World, alarm: RingWorld['alarm']): RingWorld {
  return { files, version, now, alarm, remark: sentence => log.warn(`the ring: ${sentence}`) }
}

function secondsBy(feed: Feed, alarm: (message: string) => void): Debounce {
  return debounce(
    () => feed({ input: 'second' }),
    error => alarm(`cannot bring the history up to date: ${String(error)}`),
  )
}

function pauseClockBy(feed: Feed, alarm: (message: string) => void): PauseClock {
  return openPauseClock(
    () => feed({ input: 'pause', seconds: 0 as Seconds, by: 'its time' }),
    error => alarm(`the kernel does not end the pause, whose time is over: ${String(error)}`),
  )
}

function namedClockBy(feed: Feed, alarm: (message: string) => void): NamedClock {
  return openNamedClock(
    () => feed({ input: 'named' }),
    error => alarm(`the kernel does not take whom the names of the settings name: ${String(error)}`),
  )
}

function neverClockBy(feed: Feed, alarm: (message: string) => void): PauseClock {
  return openPauseClock(
    () => feed({ input: 'never-over' }),
    error => alarm(`who is on the never-list by hand no more is judged later: ${String(error)}`),
  )
}

function clocksBy(
  world: World,
  feed: Feed,
  alarm: (message: string) => void,
  opening: DisposableStack,
): Pick<Daemon, 'tryingClock' | 'inUseClock' | 'pauseClock' | 'neverClock' | 'namedClock'> {
  return {
    tryingClock: opening.use(tryingClockBy(world, feed, alarm)),
    inUseClock: opening.use(inUseClockBy(world, feed, alarm)),
    pauseClock: opening.use(pauseClockBy(feed, alarm)),
    neverClock: opening.use(neverClockBy(feed, alarm)),
    namedClock: opening.use(namedClockBy(feed, alarm)),
  }
}

function tryingClockBy(world: World, feed: Feed, alarm: (message: string) => void): TryingClock {
  return openTryingClock(
    () => feed({ input: 'ask' }),
    world,
    error => alarm(`the kernel cannot be asked who goes on trying: ${String(error)}`),
  )
}

function inUseClockBy(world: World, feed: Feed, alarm: (message: string) => void): InUseClock {
  return openInUseClock(
    () => feed({ input: 'in-use' }),
    world,
    error => alarm(`who is in use cannot be kept from being cut off: ${String(error)}`),
  )
}

/** Each with a pace of its own. */
function alarmsBy({ log, now }: World): Omit<Daemon['alarms'], 'background'> {
  const alarm = () => openAlarm(log, now)
  const warning = () => openAlarm({ ...log, error: log.warn }, now)
  return { full: alarm(), byHand: alarm(), lasting: alarm(), suspect: warning(), named: warning() }
}

/** A dry run, which has a history of its own, leaves what the clock was set by to the other daemon. */
function withByHand(world: World, policy: Policy, keeper: NeverKeeper, { stepped }: Care): Policy {
  const neverByHand = neverAtStart(world, keeper, policy.settings.dryRun ? 0 : stepped)
  return withNever(policy, { neverByHand })
}

function openState(world: World, policy: Policy): State {
  const { history, now } = world
  return {
    policy,
    flies: indexOf(history, now()),
    memory: openEvidence(),
    breadth: openBreadth(),
    whole: { waiting: new Map(), isAsking: false },
    promotion: openPromotion(),
    fullSince: Number.NEGATIVE_INFINITY,
    ...pauseAtStart(world),
    owed: new Set(),
    named: openNamedHosts(),
    unread: [],
    following: { followed: [] },
  }
}

function careBy(world: World, feed: Feed, daemon: () => Daemon): Care {
  return careForHistory({
    ...world,
    boot: world.kernelSets.boot(),
    settings: () => daemon().state.policy.settings,
    onStep: stepped => feed({ input: 'clock', stepped }),
    onSleep: () => daemon().keeper.follow('slept'),
  })
}

function changedBy(world: World, state: State, opening: DisposableStack): Daemon['changed'] {
  const settings = () => state.policy.settings
  const kept = { ...world, file: world.stateFile, settings, flies: () => state.flies }
  const { touch } = opening.use(keepStateFile(kept))
  return state.policy.settings.dryRun ? () => {} : touch
}

function ruleChangesBy({ clock }: World, feed: Feed, alarm: (message: string) => void): RuleChanges {
  return openRuleChanges(
    () => feed({ input: 'follow' }),
    clock,
    error => alarm(`the firewall of others cannot be followed: ${String(error)}`),
  )
}

function keepBy(
  world: World,
  state: State,
  { slept, ruleChanges, audit }: Pick<Care, 'slept'> & Pick<Daemon, 'ruleChanges' | 'audit'>,
  feed: Feed,
): Keeper {
  const { dryRun } = state.policy.settings
  return keepTrap(
    { ...world, flies: state.flies, slept },
    {
      arm: strange => feed({ input: 'rearm', strange }),
      audit: audit.look,
      chains: () => chainsOf(state.policy),
      keepsFlies: !dryRun,
      rulesChanged: ruleChanges.note,
      follows: named => state.policy.conditional.named?.includes(named) === true,
      elementsChanged: ruleChanges.noteElements,
      released: (gone, by) => feed({ input: 'released', gone, by }),
      found: (found, by) => feed({ input: 'found', found, by }),
      restore: restore => feed({ input: 'mend', restore }),
      refill: refill => feed({ input: 'mend', refill }),
      takeOut: stale => feed({ input: 'mend', stale }),
    },
  )
}
