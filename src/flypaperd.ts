/**
 * The daemon: the stages, composed. A packet that nobody accepted arrives (capture), becomes readable (decode),
 * earns a verdict (judge), and its sender is locked out (lockout), which is remembered (record).
 * What the kernel does meanwhile by itself is in arm/ruleset/; how the trap is armed and kept, in trap.ts.
 */
import type { Firewall } from './arm/firewall.ts'
import type { Neighbours } from './arm/neighbours.ts'
import type { Surroundings } from './arm/surroundings.ts'
import type { Captured, Receive } from './capture/capture.ts'
import type { PacketSockets } from './capture/intake.ts'
import type { PassingSets, Refused } from './capture/refused.ts'
import { decode } from './decode/decode.ts'
import type { Packet } from './decode/packet.ts'
import { packetOf } from './decode/refused.ts'
import { judge, NO_HOSTS, openMemory } from './judge/judge.ts'
import { type Flypaper, openFlypaper } from './lockout/flypaper.ts'
import { endHolds } from './lockout/hold.ts'
import type { KernelSets } from './lockout/kernel-sets.ts'
import type { Lockout } from './lockout/lockout.ts'
import type { Offence } from './lockout/offence.ts'
import { openAlarm } from './record/alarm.ts'
import { openDeferrals } from './record/deferrals.ts'
import type { Events } from './record/events.ts'
import type { DaemonLog } from './record/log.ts'
import { fullSentence, refusedByHandSentence } from './record/sentence.ts'
import { openWitness } from './record/sightings.ts'
import { openTally, type Tally } from './record/tally.ts'
import type { TolerantHistory } from './record/tolerant.ts'
import type { Settings } from './settings/settings.ts'
import type { Channel } from './terms/channel.ts'
import { elementOf, type Fly } from './terms/fly.ts'
import type { LookAtFirewall } from './upkeep/auto.ts'
import type { WholeFile } from './upkeep/state-file.ts'
import type { Clock } from './upkeep/time.ts'

export interface World {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly surroundings: Surroundings
  readonly sockets: PacketSockets
  readonly passingSets: PassingSets
  readonly lookAtFirewall: LookAtFirewall
  readonly history: TolerantHistory
  readonly stateFile: WholeFile
  readonly log: DaemonLog
  readonly events: Events
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What `now` goes by. */
  readonly time: Clock
  /** Seconds since some moment, never stepped: to measure how long something takes. */
  readonly clock: () => number
}

/** Where the daemon stands: others may take the place of what these return. */
export interface Stand {
  settings(): Settings
  neighbours(): Neighbours
  /** The kernel's sets; in a dry run those that nobody changes. */
  readonly sets: Firewall
  /** The flies have changed. */
  onFlies(): void
  /** The kernel refused a change: what is remembered is not enforced until the trap is armed again. */
  onRefused(error: unknown): void
}

export interface Daemon {
  readonly flypaper: Flypaper
  readonly tally: Tally
  /** Packets become lockouts: a batch at once. */
  readonly receive: Receive
  /** What the chains of others refused becomes lockouts; `pending` are the sources that the kernel holds for it. */
  receiveRefused(refused: readonly Refused[], pending: ReadonlySet<string>): void
  /** Counts and tells lockouts. */
  announce(lockouts: readonly Lockout[]): void
  /** Remembers and tells who was let go since the last time. */
  settle(): void
}

/** A readable packet, and how it came. */
interface Seen {
  readonly packet: Packet
  readonly channel: Channel
  readonly hook: Captured['hook']
}

const UDP = 17

export function openDaemon(world: World, stand: Stand): Daemon {
  const { history, log, events, now, clock } = world
  const tally = openTally()
  const witness = openWitness()
  const deferrals = openDeferrals(log)
  const isFull = openAlarm(log, now)
  const isRefused = openAlarm(log, now)
  const memory = openMemory(stand.settings, () => stand.neighbours().near())
  const flypaper = openFlypaper({
    firewall: stand.sets,
    memory: history,
    nameFly: source => stand.neighbours().nameFly(source),
    now: now(),
    get settings() {
      return stand.settings()
    },
    get size() {
      return stand.settings().sizes.flypaper
    },
    spared: () => [...stand.settings().never, ...stand.neighbours().near(), ...NO_HOSTS],
    told: {
      changed: stand.onFlies,
      refusedByHand: (refused, by) => isRefused(refusedByHandSentence(refused, by)),
      again: offences => tally.again(offences),
      full(left, overflow) {
        tally.overflowed(overflow)
        isFull(fullSentence(left, overflow))
      },
      refused: stand.onRefused,
    },
  })

  function receive(batch: readonly Captured[]): void {
    const began = clock()
    const seen: Seen[] = []
    for (const { bytes, channel, hook } of batch) {
      const packet = decode(bytes)
      if ('unreadable' in packet) tally.spared('unreadable')
      else seen.push({ packet, channel, hook })
    }
    weigh(seen)
    tally.batch(batch.length, clock() - began)
  }

  function receiveRefused(refused: readonly Refused[], pending: ReadonlySet<string>): void {
    const began = clock()
    const { nameFly, owns } = stand.neighbours()
    weigh(
      refused.map(one => {
        const isPending = pending.has(String(elementOf(nameFly(one.source)).element))
        const weak = one.protocol === UDP ? 'late' : 'refused'
        const hook = owns(one.destination) ? 'input' : 'forward'
        return { packet: packetOf(one), channel: isPending ? 'offence' : weak, hook }
      }),
    )
    tally.batch(refused.length, clock() - began)
  }

  function weigh(seen: readonly Seen[]): void {
    const at = now()
    const offences: Offence[] = []
    const innocents: Fly[] = []
    for (const { packet, channel, hook } of seen) {
      const fly = stand.neighbours().nameFly(packet.source)
      const verdict = judge({ packet, fly, channel, now: at }, memory)
      if (verdict.verdict === 'stick') {
        const { because, forgeable } = verdict
        offences.push({ packet, hook, because, forgeable })
      } else {
        tally.spared(verdict.because)
        witness.saw(fly, packet.tried, verdict.because, at)
        if (verdict.verdict === 'let-go' && channel === 'offence') innocents.push(fly)
      }
    }
    acquit(innocents)
    announce(flypaper.stick(offences, at))
  }

  /** What the kernel refuses here must not cost the offences of the same batch. */
  function acquit(innocents: readonly Fly[]): void {
    try {
      endHolds(stand.sets, innocents)
    } catch (error) {
      stand.onRefused(error)
    }
  }

  function announce(lockouts: readonly Lockout[]): void {
    for (const lockout of lockouts) {
      tally.lockedOut(lockout)
      events.tell({ event: stand.settings().dryRun ? 'would-lock-out' : 'lockout', lockout })
    }
  }

  return {
    flypaper,
    tally,
    receive,
    receiveRefused,
    announce,
    settle() {
      const sightings = witness.take()
      for (const sighting of sightings) events.tell({ event: 'spared', sighting })
      history.addSightings(sightings)
      deferrals.note(flypaper.deferred(), now())
    },
  }
}
