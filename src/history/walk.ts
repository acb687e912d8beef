/** Looks through the history for what may go, the oldest rows first, at a bounded number of rows a step. It goes on where it was. */
import type { Database } from './database.ts'
import { MAY_GO } from './leaving.ts'

/** A row that may go, as far as the totals of its day need it. */
export type Going = readonly [
  id: number,
  rank: number,
  since: number,
  isByHand: 0 | 1,
  stands: 0 | 1,
  isIPv6: 0 | 1,
  isAgain: 0 | 1,
]

/** Its columns. */
export const GOING =
  "id, coalesce(rank, 0), since, because IN ('by-hand', 'testimony'), stands, instr(source, ':') > 0, times > 1"

export interface Bounds {
  readonly now: number
  /** Whoever ended before is too old. */
  readonly before: number
}

export interface Walk {
  /** The next that may go, at most so many of one step. */
  next(bounds: Bounds, most: number): Going[]
  /** Whether it has come to the end, and stays there until it begins anew. */
  isOver(): boolean
  begin(): void
}

/** Rows that are looked at in one step: a few milliseconds. */
const STEP = 5000

const OVER = '(released_at IS NOT NULL OR until <= :now)'
const AGED = 'coalesce(released_at, until) < :before AND :now >= :before'

/**
 * All of this rank that are over, or all that are too old. Rows come in the order of time, so nobody too old stands behind the first
 * who came since `before`; a clock that was wrong may have left times of the future.
 */
export function openWalk(database: Database, which: number | 'aged'): Walk {
  const isRanked = which !== 'aged' && which > 0
  const rows = isRanked ? `rank = ${which}` : 'true'
  const may = which === 'aged' ? AGED : isRanked ? `${rows} AND ${OVER}` : `rank IS NULL AND ${OVER}`
  const { edge, young, found } = database.prepareAll({
    edge: `SELECT max(id) AS id FROM (SELECT id FROM lockout WHERE ${rows} AND id > :after ORDER BY id LIMIT ${STEP})`,
    young: `SELECT id FROM lockout WHERE id > :after AND id <= :edge AND since BETWEEN :before AND :now ORDER BY id LIMIT 1`,
    found: `SELECT ${GOING} FROM lockout
            WHERE id > :after AND id <= :edge AND ${MAY_GO} AND ${may} ORDER BY id LIMIT :most`,
  })
  let after = 0
  let isOver = false

  return {
    next({ now, before }, most) {
      const end = edge.get({ after })?.id as number | null
      const first = which === 'aged' ? young.get({ after, edge: end, before, now })?.id : undefined
      isOver = end === null || first !== undefined
      if (end === null) return []
      const bound = which === 'aged' ? { before, now } : { now }
      const last = (first as number | undefined) ?? end
      const going = found.values({ after, edge: last, most, ...bound }) as unknown as Going[]
      if (going.length === most) isOver = false
      after = going.length === most ? going.at(-1)![0] : last
      return going
    },
    isOver: () => isOver,
    begin() {
      after = 0
      isOver = false
    },
  }
}
