/**
 * What follows the arming, in the background: the flies that were too many to be put in at once, and the comparison
 * of the kernel's sets with the index, so that what people did to the sets while no daemon ran is known.
 */
import type { Firewall } from '../arm/firewall.ts'
import type { TimedFly } from '../arm/flies.ts'
import type { History } from '../history/history.ts'
import { type Flies, secondsLeft } from '../lockout/flies.ts'
import { inPieces } from '../lockout/pieces.ts'
import { type Fly, type FlySet, setOf } from '../terms/fly.ts'
import { compare } from './compare.ts'
import type { KernelSets } from './kernel-sets.ts'
import { type SecondLook, secondLook } from './second-look.ts'

/** Sets with more elements, or flies, than these are not listed: the kernel's work grows with the square of their number. */
export const LISTED_MAX = 100_000
/** The state file locks nobody out for longer than this (seconds), until the daemon has corrected it. */
export const BOOT_SECONDS = 600

/** What is known of the kernel's sets, and what reconcile() then does. */
export type SetState =
  /** Arming has made the sets and put all flies in: nothing. */
  | 'fresh'
  /** Index and sets agreed before: whoever is missing in them was freed by hand. */
  | 'confirmed'
  /** Arming has put all flies into sets that were there: whoever is missing is put in again. */
  | 'restored'
  /** Arming has put in the first of many: the others follow. */
  | 'begun'
  /** All should be there: whoever is missing is put in again. */
  | 'audit'
  /** All have too much time, since the machine slept: they get the right one. */
  | 'slept'

export interface Reconciling {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly history: Pick<History, 'knows' | 'getMeta' | 'setMeta'>
  readonly now: () => number
  readonly flies: Flies
  /** Milliseconds of suspension that the kernel's sets have not counted, since no daemon was there to tell them. */
  readonly slept?: number
}

/** What is done about a difference. */
export interface SetChanges {
  /** Somebody has taken these out: they are free. */
  released(gone: readonly Fly[], by: string): void
  /** Somebody has put these in: they are locked out by hand. */
  found(found: readonly TimedFly[], by: string): void
  /** These are put in again, with the time that they have left. */
  restore(flies: readonly TimedFly[]): void
  /** These are put in where they are missing; those that are there have the right time. */
  refill(flies: readonly TimedFly[]): void
  /** These are taken out; they are no flies. */
  takeOut(stale: readonly Fly[]): void
}

/**
 * Resolves to how many flies the sets had lost, or kept with another time, or still had although they were freed; all of
 * that is set right then. Undefined when the signal ended it.
 */
export async function reconcile(
  world: Reconciling,
  changes: SetChanges,
  state: SetState,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (state === 'begun' || state === 'slept')
    await inPieces(timed(world), piece => changes.restore(piece), signal)
  if (state === 'fresh') return 0
  const look = secondLook(world)
  let mended = 0
  for (const set of ['flypaper', 'flypaper6'] as const)
    mended += await reconcileSet(set, { ...world, look }, changes, state, signal)
  return signal.aborted ? undefined : mended
}

async function reconcileSet(
  set: 'flypaper' | 'flypaper6',
  world: Reconciling & { readonly look: SecondLook },
  changes: SetChanges,
  state: SetState,
  signal: AbortSignal,
): Promise<number> {
  const { flies, now, look } = world
  const isListed = flies.fill(now())[set] <= LISTED_MAX
  const expected = isListed ? timedIn(set, world) : []
  if (signal.aborted) return 0
  const found = isListed ? await world.kernelSets.read(set, LISTED_MAX) : undefined
  if (signal.aborted) return 0
  if (found === undefined) {
    if (state === 'confirmed') await inPieces(timed(world, set), piece => changes.refill(piece), signal)
    return 0
  }
  const { missing, extra, mistimed } = compare(found, expected)
  let mended = mistimed.length
  const putBack = (piece: readonly Fly[]) => {
    const lost = look.absent(set, piece)
    if (state === 'confirmed') return changes.released(lost, BY_HAND)
    mended += lost.length
    changes.restore(timeLeft(lost, world))
  }
  const takeOver = (piece: readonly TimedFly[]) => {
    const unknown = look.present(set, piece)
    const { stale = [], byHand = [] } = Object.groupBy(unknown, one =>
      isStale(one, world, state) ? 'stale' : 'byHand',
    )
    mended += stale.length
    changes.takeOut(stale.map(({ fly }) => fly))
    changes.found(byHand, BY_HAND)
  }
  await inPieces(missing, putBack, signal)
  await inPieces(mistimed, piece => changes.restore(timeLeft(piece, world)), signal)
  await inPieces(extra, takeOver, signal)
  return mended
}

/** Who does something to the sets himself leaves no name, unless the daemon sees him. */
const BY_HAND = 'hand'

/**
 * From the state file, which may be older than the last thing that happened, or its time was over while the machine slept. Of sets that
 * somebody else has made, from a listing of the trap, say, nobody who was a fly once is taken for one who is locked out by hand.
 */
function isStale({ fly, seconds }: TimedFly, { history, slept = 0 }: Reconciling, state: SetState): boolean {
  if (state === 'restored' || state === 'begun') return history.knows(fly)
  const most = Math.max(BOOT_SECONDS, slept / 1000)
  return seconds !== undefined && seconds <= most && history.knows(fly)
}

/** Those of one set alone are gathered: of the other there may be a million. */
function timedIn(set: FlySet, { flies, now }: Reconciling): TimedFly[] {
  const found: TimedFly[] = []
  if (flies.fill(now())[set] === 0) return found
  for (const timed of flies.timed(now)) if (setOf(timed.fly) === set) found.push(timed)
  return found
}

/** All of them, or those of one set, each with the time that it has left when its turn comes. */
function* timed({ flies, now }: Reconciling, set?: FlySet): Generator<TimedFly> {
  for (const timed of flies.timed(now)) if (set === undefined || setOf(timed.fly) === set) yield timed
}

/** Those of them that are flies still. */
function timeLeft(found: readonly Fly[], { flies, now }: Reconciling): readonly TimedFly[] {
  const at = now()
  return found.flatMap(fly => {
    const term = flies.get(fly, at)
    return term === undefined ? [] : [{ fly, seconds: secondsLeft(term.until, at) }]
  })
}
