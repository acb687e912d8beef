/**
 * The flypaper: a Verdict becomes a Lockout in the kernel's set and in the history, and can be undone.
 *
 * The order is kernel, history, announcement: what was announced is remembered, and what is remembered was
 * enforced. What is known here of the flies is an index over the history; the kernel's set is never listed.
 * docs/decisions/0010-what-lasts.md tells what happens when one of the three fails.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type Firewall, SetFull } from '../arm/firewall.ts'
import { flyChanges, newFlyChanges, type TimedFly } from '../arm/flies.ts'
import type { Settings } from '../settings/settings.ts'
import type { Address, Prefix } from '../terms/address.ts'
import { FLY_SETS, type Fly, type FlySet, isNet, setOf } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import { isIn } from '../terms/prefix-set.ts'
import { type Locked, lockByHand, type Order, type Wish } from './by-hand.ts'
import { type Flies, indexOfFlies, namesOf, secondsLeft, type Term } from './flies.ts'
import { endHolds, endHoldsIn } from './hold.ts'
import { endOf, type Lockout, type Memory, type Release } from './lockout.ts'
import { lockoutOf, type Offence } from './offence.ts'
import { inPieces } from './pieces.ts'
import { openPromotion } from './promotion.ts'
import { makeRoom, whoFits } from './room.ts'
import { removals, takeOut } from './take-out.ts'

/** Whom an order to free has met. */
export interface Freed {
  readonly flies: readonly Fly[]
  /** Sources that were only held, and are not any more. */
  readonly held: readonly Fly[]
}

export interface Flypaper {
  /** Locks the offenders out, as far as the promotion limit admits them; returns the new lockouts, one a source. */
  stick(offences: readonly Offence[], now: number): readonly Lockout[]
  /** Locks out whomever a person names; says whom it does not lock out, and why. */
  lock(wishes: readonly Wish[], order: Order, now: number): Locked
  /**
   * Frees every fly that overlaps one of the prefixes, and ends the hold of everybody there, piece by piece while packets have their turn;
   * `freed` is told of each piece. Single hosts are freed at once, many flies before those who are only held.
   */
  free(
    wanted: readonly Prefix[],
    by: string,
    now: () => number,
    freed?: (piece: Freed) => void,
  ): Promise<void>
  /** Frees those of these that are flies, and ends their hold, at once: not for many. */
  freeThese(wanted: readonly Fly[], by: string, now: number): Freed
  /** Frees the flies that are IPv4 hosts of these, and takes out of the set those that somebody has put there. */
  expel(spared: readonly Prefix[], now: number): void
  /**
   * Frees all of them, many of them piece by piece while packets have their turn; resolves to how many there were. The history
   * stays. Whoever is not freed yet when it is cut short is a fly as before, in kernel, history and index.
   */
  flush(by: string, now: () => number): Promise<number>
  /** Takes over what somebody has put into the set; returns who was not a fly before. Who is spared is taken out again. */
  adopt(found: readonly TimedFly[], by: string, now: number): readonly Lockout[]
  /** Somebody has taken these out of the set; returns who was a fly. */
  released(gone: readonly Fly[], by: string, now: number): readonly Fly[]
  /** Writes all flies into a memory that knows of nobody. */
  rewrite(now: number): void
  /** How many flies there are. */
  count(now: number): number
  /** How many flies each set holds. */
  fill(now: number): Record<FlySet, number>
  /** Whether it is a fly, and until when. */
  find(fly: Fly, now: number): Term | undefined
  /** The fly with the time it has left, if it is one. */
  timeLeft(fly: Fly, now: number): TimedFly | undefined
  /** Sources that were held only, because of the promotion limit. */
  deferred(): number
  /** The index, read as the caller takes it; flies whose time is over may be among them. */
  each(): Iterable<readonly [Fly, Term]>
  /** Every fly with the time that it has left when it is taken, in no order. */
  timed(now: () => number): Iterable<TimedFly>
  /** Forgets those whose time is over; the kernel has let them go by itself. */
  sweep(now: number): void
  /** The clock was set by so many milliseconds: in the index all times move with it. */
  shift(ms: number): void
}

export interface FlypaperWorld {
  readonly firewall: Firewall
  readonly memory: Memory
  readonly nameFly: (source: Address) => Fly
  readonly now: number
  /** Read at each lockout: new settings may replace them. */
  readonly settings: Pick<Settings, 'lockout' | 'promotion'>
  /** Most flies of each set. */
  readonly size?: number
  /** Whose IPv4 hosts must not be in the set, since the kernel drops them unasked: docs/decisions/0007-unasked.md */
  readonly spared?: () => readonly Prefix[]
  readonly told?: FlypaperNews
}

/** What does not become a lockout, and what went wrong. */
export interface FlypaperNews {
  /** So many offences were of sources that are locked out already, or by another packet of the same batch. */
  again(offences: number): void
  /** The set has no room: so many flies left for others, and so many offenders are only held. */
  full(left: number, overflow: number): void
  /** Somebody has put these into the set, who must not be there: they are taken out. */
  refusedByHand(refused: readonly Fly[], by: string): void
  /** Somebody became a fly, or is none any more. */
  changed(): void
  /** The kernel refused a change: what is remembered is not enforced until the trap is armed again. */
  refused(error: unknown): void
}

/** A packet of a fly this long after its lockout means that the kernel's set has lost it. */
const SETTLED_MS = 1000
/** For so long nobody looks again for somebody who could make room, when there was nobody. */
const NO_ROOM_MS = 1000
const REWRITTEN_AT_ONCE = 1000
/** To empty a set of many stops everything else for as long as that takes, and the kernel writes 4 KB for each that it announces. */
const EMPTIED_AT_ONCE = 10_000

export function openFlypaper(world: FlypaperWorld): Flypaper {
  const { firewall, memory, nameFly, told } = world
  const flies: Flies = indexOfFlies(() => told?.changed())
  for (const { source, since, until } of memory.terms(world.now)) {
    flies.put(source, { since, until: endOf(until) })
  }
  const promotion = openPromotion(() => world.settings.promotion)
  let noRoomSince = Number.NEGATIVE_INFINITY

  /** Who gets in; the kernel's set has them then, or will have them when the trap is armed again. */
  function enter(coming: readonly Lockout[], now: number): readonly Lockout[] {
    const { size = Number.POSITIVE_INFINITY } = world
    const isHopeless = now - noRoomSince < NO_ROOM_MS
    const { lockouts, leaving } = isHopeless
      ? { lockouts: whoFits(coming, flies, size), leaving: [] }
      : makeRoom(coming, flies, size, now)
    if (leaving.length > 0) leave(leaving, now)
    const entered = lockouts.length > 0 && !put(lockouts, now) ? [] : lockouts
    const overflow = coming.length - entered.length
    if (overflow > 0) noRoomSince = now
    if (leaving.length + overflow > 0) told?.full(leaving.length, overflow)
    return entered
  }

  function leave(leaving: readonly Fly[], now: number): void {
    guarded(() => firewall.change(removals(leaving)))
    memory.release(leaving, { at: now, by: 'flypaperd', because: 'no-room', counts: true })
    for (const fly of leaving) flies.delete(fly)
  }

  /** False when the set is full of what is not in the index. */
  function put(lockouts: readonly Lockout[], now: number): boolean {
    const timed = lockouts.map(lockout => ({
      fly: lockout.source,
      seconds: secondsLeft(endOf(lockout.until), now),
    }))
    return guarded(() => firewall.change(newFlyChanges(timed)))
  }

  /** False when the set is full. Whatever else the kernel refuses is mended by arming again. */
  function guarded(change: () => void): boolean {
    try {
      change()
      return true
    } catch (error) {
      if (error instanceof SetFull) return false
      if (told === undefined) throw error
      told.refused(error)
      return true
    }
  }

  function sparedOf(found: readonly Fly[]): readonly Fly[] {
    const spared = world.spared?.() ?? []
    return found.filter(fly => isUnasked(fly) && isIn(fly as string as Address, spared))
  }

  function remember(lockouts: readonly Lockout[]): void {
    if (lockouts.length > 0) memory.add(lockouts)
    for (const lockout of lockouts)
      flies.put(lockout.source, { since: lockout.since, until: endOf(lockout.until) })
  }

  function freeThese(sources: readonly Fly[], by: string, now: number): Freed {
    const found = sources.filter(fly => flies.get(fly, now) !== undefined)
    const held = endHolds(firewall, sources)
    // Also who is no fly here: somebody may have put him into the set by hand.
    const gone = takeOut(firewall, [...found.filter(isNet), ...sources.filter(fly => !isNet(fly))])
    memory.release(found, { at: now, by, because: 'freed', counts: false })
    for (const fly of found) flies.delete(fly)
    const freed = new Set([...found, ...gone])
    return { flies: [...freed], held: held.filter(fly => !freed.has(fly)) }
  }

  return {
    stick(offences, now) {
      const fresh = new Map<Fly, Offence>()
      const lost = new Map<Fly, TimedFly>()
      for (const offence of offences) {
        const fly = nameFly(offence.packet.source)
        if (fresh.has(fly)) continue
        const before = flies.get(fly, now)
        if (before === undefined) fresh.set(fly, offence)
        else if (now - before.since > SETTLED_MS)
          lost.set(fly, { fly, seconds: secondsLeft(before.until, now) })
      }
      if (lost.size > 0) guarded(() => firewall.change(flyChanges([...lost.values()])))
      const candidates = [...fresh.keys()]
      const before = candidates.length === 0 ? new Map<Fly, number>() : memory.timesBefore(candidates)
      const timesOf = (fly: Fly) => before.get(fly) ?? 0
      const admitted = promotion.admit(candidates, now, fly => timesOf(fly) > 0)
      // Not by map(), whose arrays are of another kind once it is compiled: whatever reads them would be compiled again.
      const coming: Lockout[] = []
      for (const fly of admitted)
        coming.push(lockoutOf(fresh.get(fly)!, fly, timesOf(fly), world.settings.lockout, now))
      const lockouts = coming.length === 0 ? [] : enter(coming, now)
      remember(lockouts)
      if (offences.length > fresh.size) told?.again(offences.length - fresh.size)
      return lockouts
    },

    lock: (wishes, order, now) => lockByHand({ firewall, memory, nameFly, flies }, wishes, order, now),

    freeThese,

    async free(wanted, by, now, freed) {
      const free = (sources: readonly Fly[]) => {
        const piece = freeThese(sources, by, now())
        freed?.(piece)
      }
      await inPieces(wanted.flatMap(namesOf), free)
      const wide = wanted.filter(prefix => !isOneHost(prefix))
      if (wide.length === 0) return
      for (const piece of flies.matching(wide, now())) {
        if (piece.length > 0) free(piece)
        await turn()
      }
      await endHoldsIn(firewall, wide, nameFly, held => freed?.({ flies: [], held }))
    },

    expel(spared, now) {
      const found = new Set(spared.flatMap(namesOf).filter(isUnasked))
      const wide = spared.filter(prefix => prefix.family === 4 && !isOneHost(prefix))
      for (const piece of flies.matching(wide, now))
        for (const fly of piece) if (isUnasked(fly)) found.add(fly)
      takeOut(firewall, [...found])
      const released = [...found].filter(fly => flies.get(fly, now) !== undefined)
      memory.release(released, { at: now, by: 'flypaperd', because: 'freed', counts: false })
      for (const fly of released) flies.delete(fly)
    },

    async flush(by, now) {
      const exists = isThere(firewall)
      const release = (): Release => ({ at: now(), by, because: 'flushed', counts: false })
      let count = 0
      if (flies.count(now()) > EMPTIED_AT_ONCE)
        await inPieces(flies.timed(now), piece => {
          const leaving = piece.map(({ fly }) => fly)
          takeOut(firewall, leaving)
          memory.release(leaving, release())
          for (const fly of leaving) flies.delete(fly)
          count += leaving.length
        })
      count += flies.count(now())
      const sets = (
        [...FLY_SETS, 'flypaper_hold', 'flypaper_hold6', 'flypaper_pending', 'flypaper_pending6'] as const
      ).filter(exists)
      firewall.change(sets.map(set => ({ change: 'empty', set })))
      memory.releaseAll(release())
      flies.clear()
      return count
    },

    adopt(found, by, now) {
      const refused = sparedOf(found.map(({ fly }) => fly))
      const isRefused = new Set(refused)
      if (refused.length > 0) {
        guarded(() => void takeOut(firewall, refused))
        told?.refusedByHand(refused, by)
      }
      const unknown = found.filter(({ fly }) => !isRefused.has(fly) && flies.get(fly, now) === undefined)
      const before = memory.timesBefore(unknown.map(({ fly }) => fly))
      const lockouts = unknown.map(
        ({ fly, seconds }): Lockout => ({
          source: fly,
          because: 'by-hand',
          by,
          since: now,
          until: seconds === undefined ? 'forever' : now + seconds * 1000,
          times: (before.get(fly) ?? 0) + 1,
        }),
      )
      remember(lockouts)
      return lockouts
    },

    released(gone, by, now) {
      const found = gone.filter(fly => flies.get(fly, now) !== undefined)
      memory.release(found, { at: now, by, because: 'freed', counts: false })
      for (const fly of found) flies.delete(fly)
      return found
    },

    rewrite(now) {
      for (const piece of piecesOf(
        flies.timed(() => now),
        REWRITTEN_AT_ONCE,
      ))
        memory.add(
          piece.map(({ fly, seconds }) => ({
            source: fly,
            because: 'by-hand',
            note: 'the reason was lost with a damaged history',
            since: flies.get(fly, now)?.since ?? now,
            until: seconds === undefined ? 'forever' : now + seconds * 1000,
            times: 1,
          })),
        )
    },

    count: now => flies.count(now),
    fill: now => flies.fill(now),
    each: () => flies,
    find: (fly, now) => flies.get(fly, now),
    timeLeft(fly, now) {
      const term = flies.get(fly, now)
      return term === undefined ? undefined : { fly, seconds: secondsLeft(term.until, now) }
    },
    deferred: promotion.deferred,
    timed: now => flies.timed(now),
    sweep: now => flies.sweep(now),
    shift: ms => flies.shift(ms),
  }
}

function isOneHost({ family, length }: Prefix): boolean {
  return length === (family === 4 ? 32 : 128)
}

/** An IPv4 host: the kernel drops it without asking who is never locked out. */
function isUnasked(fly: Fly): boolean {
  return setOf(fly) === 'flypaper'
}

/** Without a daemon the sets may be gone: after `stop`, or when somebody has flushed the ruleset. */
function isThere(firewall: Firewall): (set: string) => boolean {
  const sets = firewall.look()?.sets ?? []
  return name => sets.some(set => set.name === name)
}
