/**
 * Who offended and was let go, and why: what `why` tells of a source that never stuck.
 *
 * One row a source and reason, however often it comes. Kept in memory for a second and written in one transaction,
 * so that a flood costs the daemon a bounded number of rows a second; the oldest rows make room.
 */
import type { Sighting } from '../judge/sightings.ts'
import type { Database } from './database.ts'
import { triedOf, triedValues } from './row.ts'

export interface Sightings {
  /** Adds to what is known of these sources already. */
  addSightings(sightings: readonly Sighting[]): void
  /** The sightings of sources of these names, the latest first. */
  sightingsOf(names: readonly string[]): Sighting[]
}

/** Rows that are kept, about 100 bytes each. */
export const SIGHTINGS_MAX = 50_000

const SQL = {
  see: `INSERT INTO sighting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count, last = excluded.last, tried = excluded.tried,
          number = excluded.number, from_port = excluded.from_port, detail = excluded.detail`,
  seen: 'SELECT * FROM sighting WHERE source IN (:one, :other) ORDER BY last DESC',
  rows: 'SELECT count(*) AS rows FROM sighting',
  forget: `DELETE FROM sighting WHERE last <= (SELECT last FROM sighting ORDER BY last DESC LIMIT 1 OFFSET :keep)`,
} as const

export function openSightings(database: Database, most = SIGHTINGS_MAX): Sightings {
  const { see, seen, rows, forget } = database.prepareAll(SQL)
  let added = Number.POSITIVE_INFINITY
  return {
    addSightings(sightings) {
      if (sightings.length === 0) return
      database.transaction(() => {
        for (const { source, because, count, first, last, tried } of sightings)
          see.run(source, because, count, first, last, ...triedValues(tried))
        added += sightings.length
        // Counting walks the table: only as often as it can have grown by a tenth.
        if (added < most / 10) return
        added = 0
        if ((rows.get()?.rows as number) > most) forget.run({ keep: Math.floor(most * 0.9) })
      })
    },
    sightingsOf: ([one = '', other = '']) => seen.all({ one, other }).map(sightingOf),
  }
}

function sightingOf(row: object): Sighting {
  const { source, because, count, first, last, tried, number, from_port, detail } = row as Omit<
    Sighting,
    'tried'
  > & { tried: string; number: number; from_port: number | null; detail: number }
  return { source, because, count, first, last, tried: triedOf({ id: 0, tried, number, from_port, detail }) }
}
