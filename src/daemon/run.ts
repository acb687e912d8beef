/** The life of the trap: opened, armed, renewed, closed. What happens in it is in step.ts. */

import { presentSets, type TableView } from '../arm/firewall.ts'
import type { TimedFly } from '../arm/flies.ts'
import { kernelCounts } from '../arm/kernel-counts.ts'
import { COUNT_SETS, TRIED_SETS } from '../arm/names.ts'
import type { Capture } from '../capture/capture.ts'
import type { Counts } from '../counters/tally.ts'
import type { KeeperCounts } from '../keep/keeper.ts'
import { takeSetState } from '../keep/settling.ts'
import { commit, type Ledger } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import type { Locked, LockOrder, Wish } from '../lockout/decide/lock.ts'
import type { Testified, Word } from '../lockout/decide/testify.ts'
import type { Flies } from '../lockout/flies.ts'
import type { Freed } from '../lockout/free.ts'
import type { Lockout, Testifier } from '../lockout/lockout.ts'
import type { RingStanding } from '../ring/ring.ts'
import type { NeverWish } from '../settings/never-by-hand.ts'
import type { Settings } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'
import type { Fly } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import { armBy, bootGraceLeft, tellFault } from './arming.ts'
import { type Daemon, type Feed, isPaused } from './daemon.ts'
import type { Forgotten } from './forgetting.ts'
import type { AnswerTo } from './input.ts'
import { type NamedAnswer, namedNow } from './named-hosts.ts'
import { keepNeverByHand, takeUpNever } from './never-by-hand.ts'
import { neverFilesHangSince } from './never-files.ts'
import { freeNever, letGoSpared } from './never-list.ts'
import { openDaemon } from './open.ts'
import { tellUnknownPause } from './pause.ts'
import { type Policy, plan } from './policy.ts'
import { autoText, followRing, machineOf, tellAuto, tellIngress, tellKernel, tellRemarks } from './renew.ts'
import { step } from './step.ts'
import type { World } from './world.ts'

/** The armed trap. Disposing of it ends the daemon's part only: the kernel goes on alone. */
export interface Trap extends Disposable {
  readonly flies: Flies
  readonly capture: Capture
  /** Seconds of grace after boot that were left when the trap was armed. */
  readonly grace: number
  /** Resolves when what follows the arming in the background is done. */
  settled(): Promise<void>
  /** Those in force, with a mode in place of "auto". */
  readonly settings: Policy['settings']
  /** Which mode closed = "auto" took, and why; undefined when the settings name one. */
  readonly auto: string | undefined
  /** Says in the log which mode closed = "auto" took, as a warning where it is the cautious one. */
  tellAuto(): void
  /** Milliseconds since the epoch, while the trap is paused. */
  readonly pausedUntil: number | undefined
  /** Since when the files of never_files do not answer, in milliseconds since the epoch. */
  readonly neverFilesHangSince: number | undefined
  /** `table`: what was seen of it just now; without, it is looked at. */
  counts(table?: TableView): Counts & KeeperCounts
  /** What of the trap in the kernel is not as it was armed, in words. */
  fault(): string | undefined
  /** Locks out by hand. */
  lock(wishes: readonly Wish[], order: LockOrder): Locked
  /** Hears what another host or tool says of sources, piece by piece. */
  testify(words: readonly Word[], testifier: Testifier): Promise<Testified>
  /** Ends what this author has brought of these hosts, and is nothing but testimony still; returns who is free by it. */
  withdraw(wanted: readonly Prefix[], testifier: Testifier): readonly Fly[]
  /** Frees every fly that overlaps one of the prefixes, and ends the hold of everybody there, piece by piece. */
  free(wanted: readonly Prefix[], by: string, freed: (piece: Freed) => void): Promise<void>
  /** Frees these at once: not for many. */
  freeThese(sources: readonly Fly[], by: string): Freed
  flush(by: string): Promise<number>
  /** These are never judged from now on, and are freed; `freed` is told of each piece. Rejects with a Failure (69) and changes nothing. */
  neverAdd(wish: NeverWish, freed: (piece: Freed) => void): AnswerTo<'never-add'>
  /** Takes these entries by hand from the never-list. */
  neverRemove(prefixes: readonly Prefix[], by: string): AnswerTo<'never-remove'>
  /** For so long nobody new is held or locked out; 0 ends it. */
  pause(seconds: Seconds, by: string): void
  /** Puts these hosts in place of those that the name had. Throws a Failure (64) for a name that the settings do not have. */
  nameHosts(name: string, hosts: readonly string[], seconds: number): NamedAnswer
  /** What the settings name, and who is known by it now. */
  named(): ReturnType<typeof namedNow>
  /** How it stands with the ring. */
  ring(): RingStanding
  /** Removes what is remembered of these; they are to be freed before. */
  forget(prefixes: readonly Prefix[], by: string): Promise<Forgotten>
  /** Looks at this machine again: addresses, routes, resolvers, served ports. To be called now and then. */
  refresh(): void
  /** Takes new settings without a gap, or rejects with why not and goes on with the old ones. One at a time. */
  reload(settings: Settings): Promise<void>
}

export function openTrap(world: World, asked: Settings): Trap {
  using opening = new DisposableStack()
  const { daemon, seconds } = openDaemon(world, plan(asked, machineOf(world)), opening)
  const { state, sources, acquaintances, ledger } = daemon
  const { history, surroundings, time, now } = world
  followRing(daemon)
  const grace = start(daemon)
  history.onRenewed(() => rewrite(ledger, now()))
  opening.defer(() => acquaintances.rememberAtEnd(surroundings.served(), now()))
  opening.use(time.watch(seconds.now))
  seconds.begin()
  const opened = opening.move()
  return {
    ...ordersOf(daemon),
    flies: state.flies,
    get capture() {
      return sources.capture
    },
    grace,
    settled: daemon.keeper.settled,
    get settings() {
      return state.policy.settings
    },
    get auto() {
      return autoText(state.policy)
    },
    tellAuto: () => tellAuto(daemon),
    get pausedUntil() {
      return isPaused(state, now()) ? state.pausedUntil : undefined
    },
    get neverFilesHangSince() {
      return neverFilesHangSince(state)
    },
    counts: table => countsOf(daemon, table),
    fault: () => daemon.audit.look().fault,
    named: () => namedNow(daemon),
    ring: daemon.ring.standing,
    refresh() {
      step(daemon, { input: 'look' })
      seconds.now()
    },
    [Symbol.dispose]: () => opened.dispose(),
  }
}

function ordersOf(
  daemon: Daemon,
): Pick<
  Trap,
  | 'lock'
  | 'testify'
  | 'withdraw'
  | 'forget'
  | 'free'
  | 'freeThese'
  | 'flush'
  | 'pause'
  | 'nameHosts'
  | 'neverAdd'
  | 'neverRemove'
  | 'reload'
> {
  const feed: Feed = input => step(daemon, input)
  return {
    lock: (wishes, order) => feed({ input: 'lock', wishes, order }),
    testify: (words, testifier) => feed({ input: 'testify', words, testifier }),
    withdraw: (wanted, testifier) => feed({ input: 'withdraw', wanted, testifier }),
    forget: (prefixes, by) => feed({ input: 'forget', prefixes, by }),
    free: (wanted, by, freed) => feed({ input: 'free', wanted, by, freed }),
    freeThese: (sources, by) => feed({ input: 'free-these', sources, by }),
    flush: by => feed({ input: 'flush', by }),
    neverAdd: (wish, freed) => feed({ input: 'never-add', wish, freed }),
    neverRemove: (prefixes, by) => feed({ input: 'never-remove', prefixes, by }),
    pause: (seconds, by) => feed({ input: 'pause', seconds, by }),
    nameHosts: (name, hosts, seconds) => feed({ input: 'name', name, hosts, seconds }),
    reload: settings => feed({ input: 'reload', settings }),
  }
}

/** Arms the trap for the first time; returns the seconds of grace after boot that were left. */
function start(daemon: Daemon): number {
  const { world, state, keeper, sources, pauseClock, changed, ruleChanges } = daemon
  const found = takeSetState(world)
  // There may be no sets yet, and what they hold may be older than these settings.
  letGoSpared({ ...daemon, ledger: { ...daemon.ledger, firewall: presentSets(daemon.ledger.firewall) } })
  const grace = bootGraceLeft(state.policy, world.surroundings)
  const { isFresh } = armBy(state.policy, daemon, { skipRestore: found === 'confirmed' })
  // This daemon has counted nothing yet, so what another one was told is news.
  world.firewall.change([...TRIED_SETS, ...COUNT_SETS].map(set => ({ change: 'empty', set }) as const))
  tellFault(daemon)
  tellKernel(daemon)
  tellIngress(daemon)
  tellRemarks(daemon)
  tellUnknownPause(daemon)
  freeNever(daemon)
  keepNeverByHand(daemon)
  takeUpNever(daemon).catch(error => {
    if (!daemon.ended.aborted)
      daemon.alarms.background(`who is on the never-list by hand cannot be read: ${String(error)}`)
  })
  keeper.follow(isFresh ? 'fresh' : found)
  pauseClock.set(state.pausedUntil && state.pausedUntil - world.now())
  sources.look()
  // The rules may have changed since they were looked at, and nobody was there to be told.
  ruleChanges.lookIn(0)
  changed()
  daemon.tryingClock.note(world.now())
  daemon.inUseClock.now()
  world.history.neverWait()
  return grace
}

const REWRITTEN_AT_ONCE = 1000

/** Who is a fly is written into a history that knows of nobody. */
function rewrite(ledger: Ledger, now: number): void {
  const silent = { ...ledger, told: undefined }
  for (const piece of piecesOf(
    ledger.flies.timed(() => now),
    REWRITTEN_AT_ONCE,
  ))
    commit(decision({ adopt: piece.map(timed => lostReason(timed, ledger.flies, now)) }), silent, now)
}

function lostReason({ fly, seconds }: TimedFly, flies: Flies, now: number): Lockout {
  const { since = now, testimony } = flies.get(fly, now) ?? {}
  return {
    source: fly,
    ...(testimony === undefined
      ? { because: 'by-hand', grade: 'forgeable' }
      : { because: 'testimony', grade: 'testimony', ...testimony }),
    note: 'the reason was lost with a damaged history',
    since,
    until: seconds === undefined ? 'forever' : now + seconds * 1000,
    times: 1,
  }
}

function countsOf(
  { tally, state, sources, keeper, world }: Daemon,
  table = world.firewall.look(),
): Counts & KeeperCounts {
  return tally.counts({
    deferred: state.promotion.deferred(),
    kernel: kernelCounts(table),
    capture: sources.capture.counts(),
    ...keeper.counts(),
  })
}
