/**
 * The daemon: the stages, composed. A packet that nobody accepted arrives (capture), becomes readable (decode),
 * earns a verdict (judge), and its sender is locked out (lockout), which is remembered (record).
 * What the kernel does meanwhile by itself is in arm/ruleset/.
 */
import { arm } from './arm/arm.ts'
import { disarm } from './arm/disarm.ts'
import type { Firewall } from './arm/firewall.ts'
import { followNeighbours } from './arm/neighbours.ts'
import { type Surroundings, servedChanges } from './arm/surroundings.ts'
import type { Capture, Captured } from './capture/capture.ts'
import { chooseStatement, openCapture, type PacketSockets } from './capture/intake.ts'
import { decode } from './decode/decode.ts'
import { distinctPorts } from './judge/distinct-ports.ts'
import { judge } from './judge/judge.ts'
import type { Locked, Order, Wish } from './lockout/by-hand.ts'
import { type Flypaper, type Offence, openFlypaper } from './lockout/flypaper.ts'
import { endHolds } from './lockout/hold.ts'
import type { Lockout } from './lockout/lockout.ts'
import { openAlarm } from './record/alarm.ts'
import type { Events } from './record/events.ts'
import type { History } from './record/history.ts'
import type { Log } from './record/log.ts'
import { openWitness } from './record/sightings.ts'
import { type Counts, openTally } from './record/tally.ts'
import { closedMode, type Settings } from './settings/settings.ts'
import type { Address } from './terms/address.ts'

export interface World {
  readonly firewall: Firewall
  readonly surroundings: Surroundings
  readonly sockets: PacketSockets
  readonly history: History
  readonly log: Log
  readonly events: Events
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Seconds since some moment, never stepped: to measure how long something takes. */
  readonly clock: () => number
}

/** The armed trap. Disposing of it ends the daemon's part only: the kernel goes on alone. */
export interface Trap extends Disposable {
  readonly flypaper: Flypaper
  readonly capture: Capture
  /** Seconds of grace after boot that were left when the trap was armed. */
  readonly grace: number
  counts(): Counts
  /** Locks out by hand, and says so. */
  lock(wishes: readonly Wish[], order: Omit<Order, 'never' | 'near'>): Locked
  /** Remembers and tells who was let go since the last time. To be called once a second. */
  settle(): void
  /** Looks at this machine again: addresses, routes, resolvers, served ports. To be called now and then. */
  refresh(): void
}

/** The capture comes first: it is the lock against a second daemon, and nothing is changed when it fails. */
export function openTrap(world: World, settings: Settings): Trap {
  const { firewall, surroundings, sockets, history, log, events, now, clock } = world
  const statement = chooseStatement(settings.capture, kind => firewall.supports(kind))
  const neighbours = followNeighbours(firewall, surroundings, settings.never)
  const { nameFly } = neighbours
  const flypaper = openFlypaper({ firewall, memory: history, lockout: settings.lockout, nameFly, now: now() })
  const memory = { never: settings.never, near: neighbours.near, distinctPorts: distinctPorts() }
  const tally = openTally()
  const witness = openWitness()
  const alarm = openAlarm(log, now)

  function receive(batch: readonly Captured[]): void {
    const began = clock()
    const offences: Offence[] = []
    const innocents: Address[] = []
    for (const { bytes, channel, hook } of batch) {
      const packet = decode(bytes)
      if ('unreadable' in packet) {
        tally.spared('unreadable')
        continue
      }
      const verdict = judge({ packet, channel, now: now() }, memory)
      if (verdict.verdict === 'stick') offences.push({ packet, because: verdict.because, hook })
      else {
        tally.spared(verdict.because)
        witness.saw(nameFly(packet.source), packet.tried, verdict.because, now())
        if (channel === 'offence') innocents.push(packet.source)
      }
    }
    endHolds(firewall, innocents.map(nameFly))
    announce(flypaper.stick(offences, now()))
    tally.batch(batch.length, clock() - began)
  }

  function announce(lockouts: readonly Lockout[]): void {
    for (const lockout of lockouts) {
      tally.lockedOut(lockout)
      events.tell({ event: 'lockout', lockout })
    }
  }

  const capture = openCapture(sockets, statement, settings.number, receive, error => alarm(String(error)))
  try {
    const flies = () => flypaper.timed(now())
    const { table, grace } = arm(firewall, surroundings, settings, statement, flies, nameFly)
    if (table !== 'ours') history.setMeta(MADE_TABLE, table === 'made' ? 'yes' : 'no')
    // The settings may have changed since somebody was locked out.
    if (settings.never.length > 0) flypaper.free(settings.never, 'the never-list', now())
    return {
      flypaper,
      capture,
      grace,
      counts: () => tally.counts(capture),
      lock(wishes, order) {
        const locked = flypaper.lock(
          wishes,
          { ...order, never: settings.never, near: neighbours.near() },
          now(),
        )
        announce(locked.lockouts)
        return locked
      },
      settle() {
        const sightings = witness.take()
        for (const sighting of sightings) events.tell({ event: 'spared', sighting })
        history.addSightings(sightings)
      },
      refresh() {
        neighbours.refresh()
        if (closedMode(settings) === 'listening') firewall.change(servedChanges(surroundings.served()))
        flypaper.sweep(now())
      },
      [Symbol.dispose]: () => capture[Symbol.dispose](),
    }
  } catch (error) {
    capture[Symbol.dispose]()
    throw error
  }
}

/** Disarms whatever trap is in the kernel, also one whose daemon is gone. The flies stay. */
export function disarmTrap(firewall: Firewall, history: History, now: number): void {
  const holdsSomebody = (set: 'flypaper' | 'flypaper6') => firewall.elements(set).length > 0
  const keepFlies = history.count(now) > 0 || holdsSomebody('flypaper') || holdsSomebody('flypaper6')
  disarm(firewall, { keepFlies, madeTable: history.getMeta(MADE_TABLE) === 'yes' })
}

/** Whether `table inet filter` was made by us: as the table does, it outlives the daemon. */
const MADE_TABLE = 'made-table'
