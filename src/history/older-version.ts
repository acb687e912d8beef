/**
 * What an older version that has had the history meanwhile did not know is made up for. 0.1.0 writes rows without `stands`, and the totals
 * of a day when its first lockouts go, with those that stay.
 */
import type { Database } from './database.ts'
import { MIGRATIONS } from './schema.ts'

const DAY = "date(since / 1000, 'unixepoch', 'localtime')"
const TOTALS = ['lockouts', 'attackers', 'attackers6', 'repeaters']

/** Whoever has had it wrote the time (clock.ts), at its start and each minute. */
const WAS_HERE = `SELECT 1 FROM meta WHERE key = 'time' AND iif(json_valid(value), value ->> '$.schema' IS NULL, true)`

const SQL = {
  single: `UPDATE lockout SET stands = 0 WHERE because IN ('by-hand', 'testimony') AND stands = 1
             AND source NOT IN (SELECT source FROM lockout WHERE latest = 0)`,
  // Of a source on a day the newest row stands, if any is of an attack.
  again: `UPDATE lockout SET stands = reckoned.stands FROM (
            SELECT id, id = max(id) OVER day AND max(because NOT IN ('by-hand', 'testimony')) OVER day AS stands FROM lockout
            WHERE source IN (SELECT source FROM lockout WHERE latest = 0) WINDOW day AS (PARTITION BY source, ${DAY})) AS reckoned
          WHERE reckoned.id = lockout.id AND reckoned.stands <> lockout.stands`,
  // The totals of a day tell of what is gone only; as much as before at least.
  days: `UPDATE day SET ${TOTALS.map(total => `${total} = max(coalesce(seen.${total}, 0), day.${total} - coalesce(rest.${total}, 0))`)}
         FROM day AS touched LEFT JOIN day_seen AS seen USING (day) LEFT JOIN (
           SELECT ${DAY} AS day, sum(because NOT IN ('by-hand', 'testimony')) AS lockouts, sum(stands) AS attackers,
             sum(stands AND instr(source, ':') > 0) AS attackers6, sum(because NOT IN ('by-hand', 'testimony') AND times > 1) AS repeaters
           FROM lockout WHERE since < (SELECT unixepoch(max(day), '+2 days') * 1000 FROM day) GROUP BY 1) AS rest USING (day)
         WHERE touched.day = day.day AND (seen.day IS NULL OR ${TOTALS.map(total => `seen.${total} <> day.${total}`).join(' OR ')})`,
  // It frees without a row of event. What of that nobody was told is told now.
  freed: `INSERT INTO event (after, at, lockout)
          SELECT (SELECT max(id) FROM lockout), released_at, id FROM lockout
          WHERE released_at >= (SELECT value ->> '$.since' FROM meta WHERE key = 'feed') AND released_because <> 'replaced'
            AND NOT EXISTS (SELECT 1 FROM event WHERE event.lockout = lockout.id AND facts IS NULL)
            AND NOT EXISTS (SELECT 1 FROM event WHERE event.at = released_at AND facts IS NOT NULL AND facts ->> '$.event' = 'flush')
          ORDER BY released_at`,
  // It uses the numbers of lockouts again that it has pruned: then this is another history for whoever reads the feed.
  other: `UPDATE meta SET value = json_set(value, '$.epoch', lower(hex(randomblob(8))))
          WHERE key = 'feed' AND (SELECT max(after) FROM event) > (SELECT coalesce(max(id), 0) FROM lockout)`,
  // And it forgets lockouts without their events.
  astray: `DELETE FROM event WHERE after > (SELECT coalesce(max(id), 0) FROM lockout)
             OR (lockout IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lockout WHERE lockout.id = event.lockout))`,
  forget: 'DELETE FROM day_seen',
  see: 'INSERT INTO day_seen SELECT * FROM day',
  leave: `UPDATE meta SET value = iif(json_valid(value), json_set(value, '$.schema', ${MIGRATIONS.length}), '{"schema":${MIGRATIONS.length}}')
          WHERE key = 'time'`,
} as const

/** All of it or nothing. Some seconds for a million lockouts, once. */
export function reckonAfterOlder(database: Database): void {
  if (database.prepare(WAS_HERE).get() === undefined) return
  const { single, again, days, other, astray, freed, forget, see, leave } = database.prepareAll(SQL)
  database.transaction(() => {
    for (const statement of [single, again, days, other, astray, freed, forget, see, leave]) statement.run()
  })
}
