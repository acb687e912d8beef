/**
 * Who offended and was let go, and why: what `why` tells of a source that never stuck.
 *
 * One row a source and reason, however often it comes. Kept in memory for a second and written in one transaction,
 * so that a flood costs the daemon a bounded number of rows a second; the oldest rows make room.
 */
import type { Tried } from '../decode/packet.ts'
import type { Innocence } from '../judge/verdict.ts'
import type { Fly } from '../terms/fly.ts'
import type { Database } from './database.ts'
import { triedOf, triedValues } from './row.ts'

export interface Sighting {
  readonly source: Fly
  readonly because: Innocence
  readonly count: number
  /** Milliseconds since the epoch. */
  readonly first: number
  readonly last: number
  /** What it tried last. */
  readonly tried: Tried
}

export interface Sightings {
  /** Adds to what is known of these sources already. */
  addSightings(sightings: readonly Sighting[]): void
  /** The sightings of sources of these names, the latest first. */
  sightingsOf(names: readonly string[]): Sighting[]
}

/** Rows that are kept, about 100 bytes each. */
export const SIGHTINGS_MAX = 50_000
/** Sources and reasons that one second can bring; more are not remembered. */
export const SIGHTINGS_A_SECOND = 1000

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

/** Gathers what is seen until it is taken. */
export interface Witness {
  saw(source: Fly, tried: Tried, because: Innocence, now: number): void
  /** What was seen since the last time. */
  take(): readonly Sighting[]
}

export function openWitness(most = SIGHTINGS_A_SECOND): Witness {
  const seen = new Map<string, { -readonly [K in keyof Sighting]: Sighting[K] }>()
  return {
    saw(source, tried, because, now) {
      const key = `${source} ${because}`
      const known = seen.get(key)
      if (known !== undefined) {
        known.count++
        known.last = now
        known.tried = tried
      } else if (seen.size < most) seen.set(key, { source, because, count: 1, first: now, last: now, tried })
    },
    take() {
      const taken = [...seen.values()]
      seen.clear()
      return taken
    },
  }
}
