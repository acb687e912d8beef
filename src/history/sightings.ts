/**
 * Who offended and was let go, and why: what `why` tells of a source that never stuck.
 *
 * One row a source and reason, however often it comes. Kept in memory for a second and written in one transaction,
 * so that a flood costs the daemon a bounded number of rows a second; the oldest rows make room.
 */
import type { Sighting } from '../judge/sightings.ts'
import type { Database } from './database.ts'
import { evidenceOf, evidenceText, triedOf, triedValues } from './row.ts'

export interface Sightings {
  /** Adds to what is known of these sources already. */
  addSightings(sightings: readonly Sighting[]): void
  /** The sightings of sources of these names, the latest first. */
  sightingsOf(names: readonly string[]): Sighting[]
}

/** Those that were seen last after one moment and until another, the earliest first, at most so many. */
export type SightingsBetween = (after: number, until: number, most: number) => Sighting[]

/** Rows that are kept, about 100 bytes each. */
export const SIGHTINGS_MAX = 50_000

const SQL = {
  see: `INSERT INTO sighting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count, last = excluded.last, tried = excluded.tried,
          number = excluded.number, from_port = excluded.from_port, detail = excluded.detail`,
  explain: `INSERT INTO sighting_evidence VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET evidence = excluded.evidence`,
  seen: `SELECT * FROM sighting LEFT JOIN sighting_evidence USING (source, because)
         WHERE source IN (:one, :other) ORDER BY last DESC`,
  rows: 'SELECT count(*) AS rows FROM sighting',
  forget: `DELETE FROM sighting WHERE last <= (SELECT last FROM sighting ORDER BY last DESC LIMIT 1 OFFSET :keep)`,
  orphans: `DELETE FROM sighting_evidence WHERE (source, because) NOT IN (SELECT source, because FROM sighting)`,
} as const

export function openSightings(database: Database, most = SIGHTINGS_MAX): Sightings {
  const { see, explain, seen, rows, forget, orphans } = database.prepareAll(SQL)
  let added = Number.POSITIVE_INFINITY
  return {
    addSightings(sightings) {
      if (sightings.length === 0) return
      database.transaction(() => {
        for (const { source, because, count, first, last, tried, evidence } of sightings) {
          see.run(source, because, count, first, last, ...triedValues(tried))
          const text = evidenceText(evidence)
          if (text !== null) explain.run(source, because, text)
        }
        added += sightings.length
        // Counting walks the table: only as often as it can have grown by a tenth.
        if (added < most / 10) return
        added = 0
        if ((rows.get()?.rows as number) <= most) return
        forget.run({ keep: Math.floor(most * 0.9) })
        orphans.run()
      })
    },
    sightingsOf: ([one = '', other = '']) => seen.all({ one, other }).map(sightingOf),
  }
}

export function openSightingsBetween(database: Database): SightingsBetween {
  const between = database.prepare(
    `SELECT * FROM sighting LEFT JOIN sighting_evidence USING (source, because)
     WHERE last > :after AND last <= :until ORDER BY last LIMIT :most`,
  )
  return (after, until, most) => between.all({ after, until, most }).map(sightingOf)
}

function sightingOf(row: object): Sighting {
  const { source, because, count, first, last, tried, number, from_port, detail, evidence } = row as Omit<
    Sighting,
    'tried' | 'evidence'
  > & { tried: string; number: number; from_port: number | null; detail: number; evidence: string | null }
  const sighting = {
    source,
    because,
    count,
    first,
    last,
    tried: triedOf({ id: 0, tried, number, from_port, detail }),
  }
  return evidence === null ? sighting : { ...sighting, evidence: evidenceOf(evidence) }
}
