/**
 * The daemon: the stages, composed. A packet that nobody accepted arrives (capture), becomes readable (decode),
 * earns a verdict (judge), and its sender is locked out (lockout), which is remembered (record).
 * What the kernel does meanwhile by itself is in arm/ruleset/.
 */
import { openAcquaintances } from './arm/acquaintances.ts'
import { type Arming, arm, type Manner } from './arm/arm.ts'
import { disarm } from './arm/disarm.ts'
import { type Firewall, untouched } from './arm/firewall.ts'
import { kernelCounts } from './arm/kernel-counts.ts'
import { followNeighbours } from './arm/neighbours.ts'
import type { Statement } from './arm/ruleset/spec.ts'
import { knownChanges, type Surroundings, servedChanges } from './arm/surroundings.ts'
import type { Capture, Captured } from './capture/capture.ts'
import { chooseStatement, openCapture, type PacketSockets } from './capture/intake.ts'
import { decode } from './decode/decode.ts'
import { judge, openMemory } from './judge/judge.ts'
import type { Locked, Order, Wish } from './lockout/by-hand.ts'
import { type Flypaper, type Offence, openFlypaper } from './lockout/flypaper.ts'
import { endHolds } from './lockout/hold.ts'
import type { KernelSets } from './lockout/kernel-sets.ts'
import type { Lockout } from './lockout/lockout.ts'
import { openAlarm } from './record/alarm.ts'
import { openDeferrals } from './record/deferrals.ts'
import type { Events } from './record/events.ts'
import type { History } from './record/history.ts'
import type { Log } from './record/log.ts'
import { fullSentence } from './record/sentence.ts'
import { openWitness } from './record/sightings.ts'
import { type Counts, openTally } from './record/tally.ts'
import type { TolerantHistory } from './record/tolerant.ts'
import { closedMode, type Settings } from './settings/settings.ts'
import type { Address } from './terms/address.ts'
import { EXIT, Failure } from './terms/failure.ts'
import type { Fly } from './terms/fly.ts'
import { auditor } from './upkeep/audit.ts'
import { careForHistory } from './upkeep/care.ts'
import { type KeeperCounts, keepTrap, takeTrust } from './upkeep/keeper.ts'
import { retirement } from './upkeep/retire.ts'
import { keepStateFile, type WholeFile } from './upkeep/state-file.ts'
import type { Clock } from './upkeep/time.ts'

export interface World {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly surroundings: Surroundings
  readonly sockets: PacketSockets
  readonly history: TolerantHistory
  readonly stateFile: WholeFile
  readonly log: Log
  readonly events: Events
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What `now` goes by. */
  readonly time: Clock
  /** Seconds since some moment, never stepped: to measure how long something takes. */
  readonly clock: () => number
}

/** The armed trap. Disposing of it ends the daemon's part only: the kernel goes on alone. */
export interface Trap extends Disposable {
  readonly flypaper: Flypaper
  readonly capture: Capture
  /** Seconds of grace after boot that were left when the trap was armed. */
  readonly grace: number
  /** Those in force. */
  readonly settings: Settings
  counts(): Counts & KeeperCounts
  /** Locks out by hand, and says so. */
  lock(wishes: readonly Wish[], order: Omit<Order, 'never' | 'near'>): Locked
  /** Remembers and tells who was let go since the last time. To be called once a second. */
  settle(): void
  /** Looks at this machine again: addresses, routes, resolvers, served ports. To be called now and then. */
  refresh(): void
  /** Takes new settings without a gap, or throws why not and goes on with the old ones. */
  reload(settings: Settings): void
}

/** The capture comes first: it is the lock against a second daemon, and nothing is changed when it fails. */
export function openTrap(world: World, settings: Settings): Trap {
  const { firewall, surroundings, sockets, history, log, events, now, clock } = world
  using opening = new DisposableStack()
  let wanted = settings
  const care = opening.use(
    careForHistory({
      ...world,
      boot: world.kernelSets.boot(),
      settings: () => wanted,
      onStep: ms => flypaper.shift(ms),
      onSleep: () => keeper.follow('slept'),
    }),
  )
  let neighbours = followNeighbours(firewall, surroundings, settings.never)
  const nameFly = (source: Address) => neighbours.nameFly(source)
  const tally = openTally()
  const witness = openWitness()
  const deferrals = openDeferrals(log)
  const acquaintances = openAcquaintances(firewall, history)
  const sets = settings.dryRun ? untouched(firewall) : firewall
  const alarm = openAlarm(log, now)
  const isFull = openAlarm(log, now)
  const stateFile = keepStateFile({
    ...world,
    file: world.stateFile,
    settings: () => wanted,
    flies: () => flypaper.each(),
  })
  const touchStateFile = () => {
    if (!wanted.dryRun) stateFile.touch()
  }
  const flypaper = openFlypaper({
    firewall: sets,
    memory: history,
    nameFly,
    now: now(),
    get settings() {
      return wanted
    },
    get size() {
      return wanted.sizes.flypaper
    },
    told: {
      changed: touchStateFile,
      again: offences => tally.again(offences),
      full(left, overflow) {
        tally.overflowed(overflow)
        isFull(fullSentence(left, overflow))
      },
      refused: error => keeper.armAgain(`the kernel refused a change: ${String(error)}`),
    },
  })
  const memory = openMemory(
    () => wanted,
    () => neighbours.near(),
  )

  function receive(batch: readonly Captured[]): void {
    const began = clock()
    const offences: Offence[] = []
    const innocents: Fly[] = []
    for (const { bytes, channel, hook } of batch) {
      const packet = decode(bytes)
      if ('unreadable' in packet) {
        tally.spared('unreadable')
        continue
      }
      const fly = nameFly(packet.source)
      const verdict = judge({ packet, fly, channel, now: now() }, memory)
      if (verdict.verdict === 'stick') offences.push({ packet, hook, ...verdict })
      else {
        tally.spared(verdict.because)
        witness.saw(fly, packet.tried, verdict.because, now())
        if (verdict.verdict === 'let-go' && channel === 'offence') innocents.push(fly)
      }
    }
    endHolds(sets, innocents)
    announce(flypaper.stick(offences, now()))
    tally.batch(batch.length, clock() - began)
    deferrals.note(flypaper.deferred(), now())
  }

  function announce(lockouts: readonly Lockout[]): void {
    for (const lockout of lockouts) {
      tally.lockedOut(lockout)
      events.tell({ event: wanted.dryRun ? 'would-lock-out' : 'lockout', lockout })
    }
  }

  function openFor({ capture, number, dryRun }: Settings): Capture {
    // A queue would drop what a dry run must let go.
    const statement = chooseStatement(dryRun ? 'log' : capture, kind => firewall.supports(kind))
    return openCapture(sockets, statement, number, receive, error => alarm(String(error)))
  }

  function armNow(statement: Statement, manner: Manner): Arming {
    const flies = () => (wanted.dryRun ? [] : flypaper.timed(now()))
    const recalled = acquaintances.recall(now())
    const arming = arm({
      firewall,
      surroundings,
      settings: wanted,
      statement,
      flies,
      nameFly,
      recalled,
      ...manner,
    })
    if (arming.table !== 'ours') history.setMeta(MADE_TABLE, arming.table === 'made' ? 'yes' : 'no')
    audit.remember()
    return arming
  }

  const { retire } = opening.use(retirement())
  opening.use(stateFile)
  let capture = openFor(wanted)
  opening.defer(() => capture[Symbol.dispose]())
  const audit = auditor(firewall)
  const keeper = opening.use(
    keepTrap(
      { ...world, flypaper },
      {
        arm: () => void armNow(capture.kind, { isAgain: true }),
        chains: () => [...wanted.chains.input, ...wanted.chains.forward],
      },
    ),
  )
  const trust = takeTrust(world)
  const { grace } = armNow(capture.kind, { areThere: trust === 'confirmed' })
  if (wanted.never.length > 0) flypaper.free(wanted.never, 'the never-list', now())
  if (!wanted.dryRun) keeper.follow(trust)
  touchStateFile()
  history.onRenewed(() => flypaper.rewrite(now()))
  opening.defer(() => acquaintances.remember(surroundings.served(), now(), 'at-the-end'))
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
    counts: () =>
      tally.counts({
        deferred: flypaper.deferred(),
        kernel: kernelCounts(firewall.look()),
        capture: capture.counts(),
        ...keeper.counts(),
      }),
    lock(wishes, order) {
      const who = { ...order, never: wanted.never, near: neighbours.near() }
      const locked = flypaper.lock(wishes, who, now())
      announce(locked.lockouts)
      return locked
    },
    settle() {
      const sightings = witness.take()
      for (const sighting of sightings) events.tell({ event: 'spared', sighting })
      history.addSightings(sightings)
      care.second()
    },
    refresh() {
      neighbours.refresh()
      firewall.change([
        ...(closedMode(wanted) === 'listening' ? servedChanges(surroundings.served()) : []),
        ...knownChanges(surroundings.connected(), nameFly),
      ])
      acquaintances.remember(surroundings.served(), now())
      care.minute()
      flypaper.sweep(now())
      deferrals.note(flypaper.deferred(), now())
      if (audit.isChanged()) keeper.armAgain('the ruleset in the kernel was not as it should be')
      else if (audit.isDue() && !wanted.dryRun) keeper.follow('audit')
    },
    reload(next) {
      if (next.dryRun !== wanted.dryRun) throw otherHistory()
      const before = { wanted, neighbours }
      const isMoved = next.number !== wanted.number || next.capture !== wanted.capture
      const fresh = isMoved ? openFor(next) : undefined
      try {
        wanted = next
        neighbours = followNeighbours(firewall, surroundings, next.never)
        armNow(fresh?.kind ?? capture.kind, { areThere: true })
      } catch (error) {
        fresh?.[Symbol.dispose]()
        ;({ wanted, neighbours } = before)
        keeper.armAgain('new settings are refused')
        throw error
      }
      if (fresh !== undefined) {
        retire(capture)
        capture = fresh
      }
      touchStateFile()
      if (next.never.length > 0) flypaper.free(next.never, 'the never-list', now())
    },
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
  const holdsSomebody = (set: 'flypaper' | 'flypaper6') => firewall.elements(set).length > 0
  const keepFlies = history.count(now) > 0 || holdsSomebody('flypaper') || holdsSomebody('flypaper6')
  disarm(firewall, { keepFlies, madeTable: history.getMeta(MADE_TABLE) === 'yes' })
}

/** Whether `table inet filter` was made by us: as the table does, it outlives the daemon. */
const MADE_TABLE = 'made-table'
