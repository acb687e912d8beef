/**
 * The history is pruned by age and by number, in slices between which packets have their turn; of each day the totals of what went
 * stay for ever. Lockouts in force are never pruned, nor is the newest of all (leaving.ts). By age all go alike, by number the oldest of the rank that makes room (rank.ts).
 */
import type { Database } from './database.ts'
import { openLeaving } from './leaving.ts'
import { type Counts, RANKS, surplusOf } from './rank.ts'
import { openRowCounts } from './row-counts.ts'
import { openTotals } from './totals.ts'
import { type Bounds, openWalk, type Walk } from './walk.ts'

export interface Limits {
  /** Lockouts that ended longer ago go. Milliseconds. */
  readonly keepMs: number
  /** Of those that are over, some go when there are more rows than this. */
  readonly most: number
}

export interface Pruned {
  /** How many rows went. */
  readonly rows: number
  /** Whether to call again soon. */
  readonly more: boolean
}

export interface Pruning {
  /** Prunes a slice. */
  prune(limits: Limits, now: number): Pruned
  /** So many rows were added, or so many changed. To be called once that is committed. */
  added(rows: number): void
  changed(rows: number): void
  /** One row of each of these ranks went otherwise. */
  removed(ranks: readonly number[]): void
}

/** Rows that go in one slice: more than one batch of packets can add, so that a slice for each batch keeps up. */
const AT_ONCE = 600
/** By age the history is looked through no more often than this, nor is anew what was in force at the last time. */
const AGAIN_MS = 30_000
/** More often only when this part of the history has come since: so the work grows with what comes, not with what is there. */
const AGAIN_PART = 1 / 10

export function openPruning(database: Database): Pruning {
  const remember = openTotals(database)
  const leaving = openLeaving(database)
  const counts = openRowCounts(database)
  const byRank = RANKS.map((_, rank) => openWalk(database, rank))
  const begun = RANKS.map(() => ({ at: 0, come: 0 }))
  const byAge = openWalk(database, 'aged')
  let agedAt = Number.NEGATIVE_INFINITY
  let come = 0

  function take(walk: Walk, bounds: Bounds, most: number): number {
    const going = walk.next(bounds, most)
    if (going.length === 0) return 0
    database.transaction(() => {
      remember(going)
      leaving.remove(going.map(([id]) => id))
    })
    counts.removed(going.map(([, rank]) => rank))
    return going.length
  }

  function surplus(most: number): Counts {
    return counts.exceed(most) ? surplusOf(counts.byRank(most), most) : []
  }

  function beginAgain(rank: number, now: number, most: number): void {
    const { at, come: before } = begun[rank]!
    if (Math.abs(now - at) < AGAIN_MS && come - before < most * AGAIN_PART) return
    begun[rank] = { at: now, come }
    byRank[rank]!.begin()
  }

  return {
    prune({ keepMs, most }, now) {
      const bounds = { now, before: Math.max(0, now - keepMs) }
      if (byAge.isOver() && Math.abs(now - agedAt) >= AGAIN_MS) byAge.begin()
      if (!byAge.isOver()) agedAt = now
      let rows = byAge.isOver() ? 0 : take(byAge, bounds, AT_ONCE)
      for (const [rank, number] of surplus(most).entries()) {
        if (number === 0 || rows >= AT_ONCE) continue
        if (byRank[rank]!.isOver()) beginAgain(rank, now, most)
        if (!byRank[rank]!.isOver()) rows += take(byRank[rank]!, bounds, Math.min(number, AT_ONCE - rows))
      }
      const isWanted = surplus(most).some((number, rank) => number > 0 && !byRank[rank]!.isOver())
      return { rows, more: isWanted || !byAge.isOver() }
    },
    added(rows) {
      come += rows
      counts.added(rows)
    },
    changed: counts.changed,
    removed: counts.removed,
  }
}
