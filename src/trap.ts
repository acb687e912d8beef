/** The life of the trap: armed, kept, renewed with new settings, disarmed. What happens in it is in flypaperd.ts. */
import { openAcquaintances } from './arm/acquaintances.ts'
import { type Arming, arm, type Manner } from './arm/arm.ts'
import { disarm } from './arm/disarm.ts'
import { type Firewall, untouched } from './arm/firewall.ts'
import { kernelCounts } from './arm/kernel-counts.ts'
import { followNeighbours } from './arm/neighbours.ts'
import type { Statement } from './arm/ruleset/spec.ts'
import { knownChanges, surroundingChanges } from './arm/surroundings.ts'
import type { Capture, Receive } from './capture/capture.ts'
import { chooseStatement, openCapture } from './capture/intake.ts'
import type { RefusedWatch } from './capture/refused.ts'
import { openRefused } from './capture/refused-intake.ts'
import { openDaemon, type World } from './flypaperd.ts'
import { NO_HOSTS } from './judge/judge.ts'
import type { Locked, Order, Wish } from './lockout/by-hand.ts'
import type { Flypaper } from './lockout/flypaper.ts'
import { openAlarm } from './record/alarm.ts'
import type { History } from './record/history.ts'
import type { Counts } from './record/tally.ts'
import { closedMode, type Settings } from './settings/settings.ts'
import type { Prefix } from './terms/address.ts'
import { EXIT, Failure } from './terms/failure.ts'
import { auditor } from './upkeep/audit.ts'
import { autoSentence, type Decision, decide, reviewer } from './upkeep/auto.ts'
import { whileBusy } from './upkeep/busy.ts'
import { careForHistory } from './upkeep/care.ts'
import { type KeeperCounts, keepTrap, takeTrust } from './upkeep/keeper.ts'
import { retirement } from './upkeep/retire.ts'
import { keepStateFile } from './upkeep/state-file.ts'

/** The armed trap. Disposing of it ends the daemon's part only: the kernel goes on alone. */
export interface Trap extends Disposable {
  readonly flypaper: Flypaper
  readonly capture: Capture
  /** Seconds of grace after boot that were left when the trap was armed. */
  readonly grace: number
  /** Those in force, with a mode in place of "auto". */
  readonly settings: Settings
  /** Which mode closed = "auto" took, and why; undefined when the settings name one. */
  readonly auto: string | undefined
  counts(): Counts & KeeperCounts
  /** Locks out by hand, and says so. */
  lock(wishes: readonly Wish[], order: Omit<Order, 'never' | 'near'>): Locked
  /** Looks at this machine again: addresses, routes, resolvers, served ports. To be called now and then. */
  refresh(): void
  /** Takes new settings without a gap, or throws why not and goes on with the old ones. */
  reload(settings: Settings): void
}

/** The capture comes first: it is the lock against a second daemon, and nothing is changed when it fails. */
export function openTrap(world: World, asked: Settings): Trap {
  const { firewall, surroundings, sockets, history, log, now } = world
  using opening = new DisposableStack()
  let decision = decide(asked, world.lookAtFirewall)
  const review = reviewer(world.lookAtFirewall, log)
  const { settings } = decision
  let wanted = settings
  let neighbours = followNeighbours(firewall, surroundings, settings.never)
  const care = opening.use(
    careForHistory({
      ...world,
      boot: world.kernelSets.boot(),
      settings: () => wanted,
      onStep: ms => flypaper.shift(ms),
      onSleep: () => keeper.follow('slept'),
    }),
  )
  const acquaintances = openAcquaintances(firewall, history)
  const alarm = openAlarm(log, now)
  const stateFile = keepStateFile({
    ...world,
    file: world.stateFile,
    settings: () => wanted,
    flies: () => flypaper.each(),
  })
  const touchStateFile = () => {
    if (!wanted.dryRun) stateFile.touch()
  }
  const daemon = openDaemon(world, {
    settings: () => wanted,
    neighbours: () => neighbours,
    sets: settings.dryRun ? untouched(firewall) : firewall,
    onFlies: touchStateFile,
    onRefused: error => keeper.armAgain(`the kernel refused a change: ${String(error)}`),
  })
  const { flypaper } = daemon

  const settle = () => {
    daemon.settle()
    return care.second()
  }
  const busy = opening.use(
    whileBusy(settle, error => alarm(`cannot bring the history up to date: ${String(error)}`)),
  )
  history.onWritten(busy.begin)
  const receive: Receive = batch => {
    busy.begin()
    daemon.receive(batch)
  }

  function openFor({ capture, number, dryRun }: Settings): Capture {
    // A queue would drop what a dry run must let go.
    const statement = chooseStatement(dryRun ? 'log' : capture, kind => firewall.supports(kind))
    return openCapture(sockets, statement, number, receive, error => alarm(String(error)))
  }

  function openRefusedFor(settings: Settings): RefusedWatch | undefined {
    if (closedMode(settings) !== 'unaccepted') return undefined
    const receiveRefused: typeof daemon.receiveRefused = (...told) => {
      busy.begin()
      daemon.receiveRefused(...told)
    }
    return openRefused(world, settings.number, receiveRefused, error => alarm(String(error)))
  }

  function armNow(statement: Statement, manner: Manner): Arming {
    const flies = () => (wanted.dryRun ? [] : flypaper.timed(now))
    const recalled = acquaintances.recall(now())
    const arming = arm({
      firewall,
      surroundings,
      settings: wanted,
      statement,
      flies,
      nameFly: source => neighbours.nameFly(source),
      recalled,
      filled: () => keeper.watch(),
      ...manner,
    })
    if (arming.table !== 'ours') history.setMeta(MADE_TABLE, arming.table === 'made' ? 'yes' : 'no')
    audit.remember()
    return arming
  }

  /** The kernel asks nothing when an IPv4 host is in the set, so whoever is never locked out must not be in it. */
  const expel = (spared: readonly Prefix[]) => flypaper.expel(spared, now())

  /** The kernel asks the never-list before it asks whether somebody is a fly, or held: so this may take its time. */
  function freeNever(): void {
    flypaper
      .free(wanted.never, 'the never-list', now)
      .catch(error => isOver || alarm(`whoever stands in the never-list is not freed: ${String(error)}`))
  }
  let isOver = false
  opening.defer(() => {
    isOver = true
  })

  const { retire } = opening.use(retirement())
  opening.use(stateFile)
  let capture = openFor(wanted)
  opening.defer(() => capture[Symbol.dispose]())
  let refused = openRefusedFor(wanted)
  opening.defer(() => refused?.[Symbol.dispose]())
  const audit = auditor(firewall)
  const keeper = opening.use(
    keepTrap(
      { ...world, flypaper, slept: care.slept },
      {
        arm: () => void armNow(capture.kind, { isAgain: true }),
        chains: () => [...wanted.chains.input, ...wanted.chains.forward],
        keepsFlies: !settings.dryRun,
      },
    ),
  )
  const trust = takeTrust(world)
  expel([...wanted.never, ...neighbours.near(), ...NO_HOSTS])
  const { grace, isFresh } = armNow(capture.kind, { areThere: trust === 'confirmed' })
  freeNever()
  keeper.follow(isFresh ? 'fresh' : trust)
  refused?.look()
  touchStateFile()
  history.onRenewed(() => flypaper.rewrite(now()))
  opening.defer(() => acquaintances.rememberAtEnd(surroundings.served(), now()))

  function take(fresher: Decision): void {
    const { settings: next } = fresher
    if (next.dryRun !== wanted.dryRun) throw otherHistory()
    const before = { wanted, neighbours }
    const isMoved = next.number !== wanted.number || next.capture !== wanted.capture
    const fresh = isMoved ? openFor(next) : undefined
    const isOther = next.number !== wanted.number || closedMode(next) !== closedMode(wanted)
    let freshRefused: RefusedWatch | undefined
    try {
      if (isOther) freshRefused = openRefusedFor(next)
      wanted = next
      neighbours = followNeighbours(firewall, surroundings, next.never)
      armNow(fresh?.kind ?? capture.kind, { areThere: true })
    } catch (error) {
      fresh?.[Symbol.dispose]()
      freshRefused?.[Symbol.dispose]()
      ;({ wanted, neighbours } = before)
      keeper.armAgain('new settings are refused')
      throw error
    }
    decision = fresher
    if (fresh !== undefined) {
      retire(capture)
      capture = fresh
    }
    if (isOther) {
      refused?.[Symbol.dispose]()
      refused = freshRefused
    }
    refused?.look()
    touchStateFile()
    freeNever()
    expel(neighbours.near())
  }

  opening.use(world.time.watch(busy.now))
  busy.begin()
  const opened = opening.move()
  return {
    flypaper,
    get capture() {
      return capture
    },
    grace,
    get settings() {
      return wanted
    },
    get auto() {
      return decision.auto === undefined ? undefined : autoSentence(decision.auto)
    },
    counts: () =>
      daemon.tally.counts({
        deferred: flypaper.deferred(),
        kernel: kernelCounts(firewall.look()),
        capture: capture.counts(),
        ...keeper.counts(),
      }),
    lock(wishes, order) {
      const who = { ...order, never: wanted.never, near: neighbours.near() }
      const locked = flypaper.lock(wishes, who, now())
      daemon.announce(locked.lockouts)
      return locked
    },
    refresh() {
      // First, since whatever else is done here needs the sets.
      if (audit.isChanged()) keeper.armAgain('the ruleset in the kernel was not as it should be')
      neighbours.refresh(expel)
      firewall.change([
        ...surroundingChanges(surroundings, closedMode(wanted)),
        ...knownChanges(surroundings.connected(), neighbours.nameFly),
      ])
      acquaintances
        .remember(surroundings.served(), now())
        .catch(error => alarm(`cannot write down whom this machine has to do with: ${String(error)}`))
      refused?.look()
      const other = review(decision)
      if (other !== undefined) take(other)
      care.minute()
      busy.now()
      flypaper.sweep(now())
      if (audit.isDue()) keeper.follow('audit')
    },
    reload: next => take(decide(next, world.lookAtFirewall)),
    [Symbol.dispose]: () => opened.dispose(),
  }
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

/** Disarms whatever trap is in the kernel, also one whose daemon is gone. The flies stay. */
export function disarmTrap(firewall: Firewall, history: History, now: number): void {
  const holdsSomebody = (set: 'flypaper' | 'flypaper6') => firewall.first(set, 1).length > 0
  const keepFlies = history.count(now) > 0 || holdsSomebody('flypaper') || holdsSomebody('flypaper6')
  disarm(firewall, { keepFlies, madeTable: history.getMeta(MADE_TABLE) === 'yes' })
}

/** Whether `table inet filter` was made by us: as the table does, it outlives the daemon. */
const MADE_TABLE = 'made-table'
