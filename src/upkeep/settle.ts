/**
 * What follows the arming, in the background: the flies that were too many to be put in at once, and the comparison
 * of the kernel's sets with the index, so that what people did to the sets while no daemon ran is known.
 */
import type { Firewall } from '../arm/firewall.ts'
import { flyChanges, newFlyChanges, type TimedFly } from '../arm/flies.ts'
import type { Flypaper } from '../lockout/flypaper.ts'
import type { KernelSets } from '../lockout/kernel-sets.ts'
import type { Lockout } from '../lockout/lockout.ts'
import { inPieces } from '../lockout/pieces.ts'
import { compare } from '../lockout/reconcile.ts'
import type { History } from '../record/history.ts'
import type { Log } from '../record/log.ts'
import { type Fly, type FlySet, setOf } from '../terms/fly.ts'
import { secondLook } from './second-look.ts'

/** Sets with more elements, or flies, than these are not listed: the kernel's work grows with the square of their number. */
export const LISTED_MAX = 100_000
/** The state file locks nobody out for longer than this (seconds), until the daemon has corrected it. */
export const BOOT_SECONDS = 600

/**
 * `fresh`: arming has made the sets and put all flies in. `confirmed`: the index and the sets agreed before, so whoever is missing in them was freed by hand. `restored`: arming
 * has put all flies into sets that were there. `begun`: it has put in the first, and the others follow. `audit`: all should be there. `slept`: all
 * have too much time.
 */
export type Trust = 'fresh' | 'confirmed' | 'restored' | 'begun' | 'audit' | 'slept'

export interface SettleWorld {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly history: History
  readonly log: Log
  readonly now: () => number
  readonly flypaper: Flypaper
  /** Milliseconds of suspension that the kernel's sets have not counted, since no daemon was there to tell them. */
  readonly slept?: number
}

/** What was found and set right. */
export interface Settled {
  readonly freed: readonly Fly[]
  readonly adopted: readonly Lockout[]
  /** Flies that the sets had lost, or kept with another time, or still had although they were freed. */
  readonly mended: number
}

/** Resolves to undefined when the signal ended it. */
export async function settle(
  world: SettleWorld,
  trust: Trust,
  signal: AbortSignal,
): Promise<Settled | undefined> {
  const { flypaper, now } = world
  if (trust === 'begun' || trust === 'slept') await putBack(world, fliesOf(flypaper), signal)
  const settled = { freed: [] as Fly[], adopted: [] as Lockout[], mended: 0 }
  if (trust === 'fresh') return settled
  const look = secondLook(world)
  for (const set of ['flypaper', 'flypaper6'] as const) {
    const isListed = flypaper.fill(now())[set] <= LISTED_MAX
    const expected = isListed ? timedIn(set, flypaper, now) : []
    if (signal.aborted) return undefined
    const found = isListed ? await world.kernelSets.read(set, LISTED_MAX) : undefined
    if (signal.aborted) return undefined
    if (found === undefined) {
      // Those that are there have the right time.
      if (trust === 'confirmed') await putBack(world, fliesOf(flypaper, set), signal, newFlyChanges)
      continue
    }
    const { missing, extra, mistimed } = compare(found, expected)
    const act = (piece: readonly Fly[]) => {
      const lost = look.absent(set, piece)
      if (trust === 'confirmed') settled.freed.push(...flypaper.released(lost, BY_HAND, now()))
      else putIn(world, lost)
      settled.mended += trust === 'confirmed' ? 0 : lost.length
    }
    await inPieces(missing, act, signal)
    await putBack(world, mistimed, signal)
    settled.mended += mistimed.length
    const take = (piece: readonly TimedFly[]) => {
      const unknown = look.present(set, piece)
      const stale = unknown.filter(one => isStale(one, world))
      takeOut(world, names(stale))
      settled.mended += stale.length
      const byHand = unknown.filter(one => !isStale(one, world))
      settled.adopted.push(...flypaper.adopt(byHand, BY_HAND, now()))
    }
    await inPieces(extra, take, signal)
  }
  return signal.aborted ? undefined : settled
}

/** Who does something to the sets himself leaves no name, unless the daemon sees him. */
const BY_HAND = 'hand'

/** From the state file, which may be older than the last thing that happened, or its time was over while the machine slept. */
function isStale({ fly, seconds }: TimedFly, { history, slept = 0 }: SettleWorld): boolean {
  const most = Math.max(BOOT_SECONDS, slept / 1000)
  return seconds !== undefined && seconds <= most && history.knows(fly)
}

function names(flies: readonly TimedFly[]): Fly[] {
  return flies.map(({ fly }) => fly)
}

/** Those of one set alone are gathered: of the other there may be a million. */
function timedIn(set: FlySet, flypaper: Flypaper, now: () => number): TimedFly[] {
  const found: TimedFly[] = []
  if (flypaper.fill(now())[set] === 0) return found
  for (const timed of flypaper.timed(now)) if (setOf(timed.fly) === set) found.push(timed)
  return found
}

/** All of them, or those of one set, read as the caller takes them. */
function* fliesOf(flypaper: Flypaper, set?: FlySet): Generator<Fly> {
  for (const [fly] of flypaper.each()) if (set === undefined || setOf(fly) === set) yield fly
}

/** With the time that each has left when its turn comes. */
function putBack(
  world: SettleWorld,
  flies: Iterable<Fly>,
  signal: AbortSignal,
  changesOf = flyChanges,
): Promise<void> {
  return inPieces(flies, piece => putIn(world, piece, changesOf), signal)
}

function putIn(
  { firewall, flypaper, now }: SettleWorld,
  flies: readonly Fly[],
  changesOf: typeof flyChanges = flyChanges,
): void {
  const timed = flies.flatMap(fly => flypaper.timeLeft(fly, now()) ?? [])
  if (timed.length > 0) firewall.change(changesOf(timed))
}

function takeOut({ firewall }: SettleWorld, flies: readonly Fly[]): void {
  if (flies.length === 0) return
  firewall.change(flyChanges(flies.map(fly => ({ fly }))).filter(({ change }) => change === 'remove'))
}
