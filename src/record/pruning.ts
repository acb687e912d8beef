/**
 * The history is pruned by age and by number; of each day a line of totals stays for ever. Lockouts in force are never
 * pruned, nor is the newest of a source within `keepMs`: it says which time it was.
 */
import type { Database } from './database.ts'

export interface Limits {
  /** Lockouts that ended longer ago go. Milliseconds. */
  readonly keepMs: number
  /** Of those that are over, the oldest go when there are more rows than this. */
  readonly most: number
}

/** Rows that go in one call: a thousand take about 10 ms, and the daemon waits for them. */
const AT_ONCE = 1000

const OVER = '(released_at IS NOT NULL OR (until IS NOT NULL AND until <= :now))'
const SQL = {
  /** Rows come in the order of time: whoever is over for long stands before the first who came later. A clock that was wrong may have left times of the future. */
  young: 'SELECT id FROM lockout WHERE since BETWEEN :before AND :now ORDER BY id LIMIT 1',
  old: `SELECT id, since FROM lockout WHERE id < :young AND ${OVER} AND coalesce(released_at, until) < :before
        ORDER BY id LIMIT :atOnce`,
  surplus: `SELECT id, since FROM lockout WHERE ${OVER} AND :now >= since ORDER BY id LIMIT :atOnce`,
  /** No fewer than the rows. */
  span: 'SELECT (SELECT max(id) FROM lockout) - (SELECT min(id) FROM lockout) + 1 AS rows',
  count: 'SELECT count(*) AS rows FROM lockout',
  // When the first lockouts of a day go they are all there; when more come and go on that day, the total is at least this.
  total: `INSERT INTO day
          SELECT date(since / 1000, 'unixepoch', 'localtime') AS day, count(*), count(DISTINCT source),
            count(DISTINCT iif(instr(source, ':'), source, NULL)), sum(times > 1)
          FROM lockout WHERE since BETWEEN :from AND :to AND because <> 'by-hand' GROUP BY day
          ON CONFLICT DO UPDATE SET lockouts = max(lockouts, excluded.lockouts),
            attackers = max(attackers, excluded.attackers), attackers6 = max(attackers6, excluded.attackers6),
            repeaters = max(repeaters, excluded.repeaters)`,
  remove: 'DELETE FROM lockout WHERE id = :id',
} as const

const DAY_MS = 86_400_000

/** Prunes at most AT_ONCE rows; returns how many, so that the caller knows whether to come again soon. */
export function openPruning(database: Database): (limits: Limits, now: number) => number {
  const { young, old, surplus, span, count, total, remove } = database.prepareAll(SQL)
  /** Counting reads the whole table, so it is done only when there may be too many. */
  const rowsBeyond = (most: number) =>
    ((span.get()?.rows as number | null) ?? 0) > most ? (count.get()?.rows as number) - most : 0
  return ({ keepMs, most }, now) => {
    const before = Math.max(0, now - keepMs)
    const first = (young.get({ before, now })?.id as number | undefined) ?? Number.MAX_SAFE_INTEGER
    const aged = old.all({ young: first, now, before, atOnce: AT_ONCE })
    const tooMany = rowsBeyond(most) - aged.length
    const more = tooMany > 0 ? surplus.all({ now, atOnce: Math.min(AT_ONCE, tooMany + aged.length) }) : []
    const going = new Map([...aged, ...more].map(({ id, since }) => [id as number, since as number]))
    if (going.size === 0) return 0
    database.transaction(() => {
      const times = [...going.values()]
      // Days are those of local time: one more on either side has them whole.
      total.run({ from: Math.min(...times) - DAY_MS, to: Math.max(...times) + DAY_MS })
      for (const id of going.keys()) remove.run({ id })
    })
    return going.size
  }
}
