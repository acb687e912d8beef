/**
 * Who was refused by the chains of others (closed = "unaccepted"). A refusal is no event: it is a note in
 * `flypaper_passing` that nobody took back. A packet passes those chains within microseconds, so what two looks find that are
 * INTERVAL_MS apart was refused. The kernel's sets are the only truth here: what is missed is missed, nobody is accused by a loss.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Address } from '../terms/address.ts'
import { piecesOf } from '../terms/pieces.ts'

/** What somebody tried to open. */
export interface Refused {
  readonly source: Address
  readonly destination: Address
  /** IANA protocol number: 6 or 17. */
  readonly protocol: number
  readonly port: number
}

/** Strangers fill the set that these are read from: what they mean is worked out for those alone who are judged. */
export interface Passing {
  /** The element's bytes, a character each. */
  readonly key: string
  /** Milliseconds until the kernel forgets it. */
  readonly expiresMs: number
}

/** The port that system/passing-sets.ts stands behind. */
export interface PassingSets {
  /** Each once, read piece by piece; undefined when there are more than the sets may hold. Some may be left out. */
  passing(): Promise<readonly Passing[] | undefined>
  refusedOf(key: string): Refused
  /** Which of these sources, or of their /64, are in the sets of who is pending. */
  pending(sources: readonly Address[]): ReadonlySet<string>
}

/** What becomes of what was found. */
export interface RefusedFate {
  /** `pending` are those of their sources that the kernel holds for it. */
  receive(refused: readonly Refused[], pending: ReadonlySet<string>): void
  /** Takes them out of the sets; also those that are gone. */
  forget(refused: readonly Refused[]): void
  /** Takes everything out of the sets. */
  forgetAll(): void
}

export interface RefusedWatch extends Disposable {
  /** Somebody is on his way: looks until nothing has been going on for a while. */
  look(): void
}

export const INTERVAL_MS = 250
/** The doorbell rings four times a second at most, so whose ring it swallowed came within that time after the last one. */
const QUIET_MS = 2 * INTERVAL_MS
/** An element that is younger than the last look, by this, is another one of the same name. */
const SLACK_MS = INTERVAL_MS / 2
/** Judged at once, before packets and requests have their turn. */
const PIECE = 256

interface Seen {
  readonly expiresMs: number
  isJudged: boolean
}

export function watchRefused(
  sets: PassingSets,
  fate: RefusedFate,
  onError: (error: unknown) => void,
): RefusedWatch {
  /** What the last look found: as many as the sets hold. */
  let before = new Map<string, Seen>()
  let askedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  async function round(): Promise<void> {
    const began = performance.now()
    try {
      await look()
    } catch (error) {
      if (!isClosed) onError(error)
    }
    timer = undefined
    if (!isClosed && (before.size > 0 || began - askedAt < QUIET_MS)) again(INTERVAL_MS)
  }

  async function look(): Promise<void> {
    const passing = await sets.passing()
    if (isClosed) return
    const { seen, stayed } = compare(passing ?? [], before)
    before = seen
    // A set that has lost its bound gets it back when it is empty (docs/decisions/0039-the-bound-of-a-set.md).
    if (passing === undefined) return fate.forgetAll()
    for (const piece of piecesOf(stayed, PIECE)) {
      settle(piece)
      await turn()
      if (isClosed) return
    }
  }

  /** Nobody is judged twice, also when he cannot be forgotten. */
  function settle(keys: readonly string[]): void {
    const fresh = keys.filter(key => before.get(key)?.isJudged === false)
    const refused = fresh.map(key => sets.refusedOf(key))
    if (refused.length > 0) fate.receive(refused, sets.pending(refused.map(({ source }) => source)))
    for (const key of fresh) before.get(key)!.isJudged = true
    fate.forget(fresh.length === keys.length ? refused : keys.map(key => sets.refusedOf(key)))
  }

  function again(wait: number): void {
    timer ??= setTimeout(round, wait)
  }

  return {
    look() {
      askedAt = performance.now()
      if (!isClosed) again(0)
    },
    [Symbol.dispose]() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** `stayed` are the keys of those that are the same elements as at the look before. */
function compare(
  passing: readonly Passing[],
  before: ReadonlyMap<string, Seen>,
): { seen: Map<string, Seen>; stayed: string[] } {
  const seen = new Map<string, Seen>()
  const stayed: string[] = []
  for (const { key, expiresMs } of passing) {
    const earlier = before.get(key)
    const isSame = earlier !== undefined && hasGrownOlder(expiresMs, earlier.expiresMs)
    seen.set(key, { expiresMs, isJudged: isSame && earlier.isJudged })
    if (isSame) stayed.push(key)
  }
  return { seen, stayed }
}

/** As the same element does between two looks; another one of the same name is younger. */
function hasGrownOlder(expiresMs: number, before: number): boolean {
  return before - expiresMs >= SLACK_MS
}
