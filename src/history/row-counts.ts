/** How many rows of each rank there are, counted as seldom as can be: counting reads the whole table, or the whole index of ranks. */
import type { Database } from './database.ts'
import { type Counts, RANKS } from './rank.ts'

export interface RowCounts {
  /** Whether there are more rows than this. */
  exceed(most: number): boolean
  /** The number of all is exact; how they are divided may be wrong by a hundredth of `most`. */
  byRank(most: number): Counts
  added(rows: number): void
  /** So many may have another rank now. */
  changed(rows: number): void
  /** One row of each of these ranks. */
  removed(ranks: readonly number[]): void
}

const SQL = {
  /** Another number when somebody else has written. */
  version: 'SELECT data_version AS version FROM pragma_data_version',
  /** No fewer than the rows. */
  span: 'SELECT (SELECT max(id) FROM lockout) - (SELECT min(id) FROM lockout) + 1 AS rows',
  all: 'SELECT count(*) AS rows FROM lockout',
  ranked: 'SELECT rank, count(*) AS rows FROM lockout WHERE rank IS NOT NULL GROUP BY rank',
} as const
/** Ranks are counted again when this part of `most` may have changed. */
const INEXACT = 1 / 100

export function openRowCounts(database: Database): RowCounts {
  const { version, span, all, ranked } = database.prepareAll(SQL)
  let rows: number | undefined
  let higher: number[] | undefined
  let changes = 0
  let seen: unknown

  function forgetWhenOthersWrote(): void {
    const now = version.get()?.version
    if (now !== seen) rows = higher = undefined
    seen = now
  }

  function countRanks(): number[] {
    const counted: number[] = RANKS.map(() => 0)
    for (const { rank, rows } of ranked.all()) counted[rank as number] = rows as number
    return counted
  }

  return {
    exceed(most) {
      forgetWhenOthersWrote()
      if (rows === undefined && ((span.get()?.rows as number | null) ?? 0) <= most) return false
      rows ??= all.get()?.rows as number
      return rows > most
    },
    byRank(most) {
      rows ??= all.get()?.rows as number
      if (higher === undefined || changes > most * INEXACT) {
        higher = countRanks()
        changes = 0
      }
      const [, ...ranks] = higher
      return [Math.max(0, rows - ranks.reduce((total, one) => total + one, 0)), ...ranks]
    },
    added(more) {
      if (rows !== undefined) rows += more
      changes += more
    },
    changed(some) {
      changes += some
    },
    removed(ranks) {
      if (rows !== undefined) rows -= ranks.length
      if (higher !== undefined) for (const rank of ranks) higher[rank] = Math.max(0, higher[rank]! - 1)
    },
  }
}
