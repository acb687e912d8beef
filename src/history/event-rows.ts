/**
 * What happens beside lockouts, as rows that the feed reads (feed.ts): a row each, in the transaction of what happened. A lockout needs none,
 * since it is a row already.
 */
import type { Prolongation, Release } from '../lockout/lockout.ts'
import { type Event, facts, sentence } from '../log/sentence.ts'
import type { Database } from './database.ts'
import { FLY } from './schema.ts'

/** What is told beside lockouts and their ends: armed, paused, an alarm, everybody freed. Flat facts, and the sentence of the log. */
export interface Note {
  readonly event: string
  readonly text: string
  readonly [fact: string]: unknown
}

export interface EventRows {
  /** Those of these sources who are in force leave. To be called before they are released, in the same transaction. */
  releasing(sources: string, now: number): void
  /** So many were freed at once. */
  flushed(flies: number, release: Release): void
  /** A person has given a lockout another end: in the same transaction. */
  prolonged(prolongation: Prolongation, now: number): void
  note(note: Note, now: number): void
}

/** Rows that hold facts of their own: the newest stay. Those of lockouts go with these. */
export const NOTES_MAX = 10_000
/** They are counted again when this part of them may have come. */
const INEXACT = 1 / 10

const LAST = 'coalesce((SELECT max(id) FROM lockout), 0)'
const SQL = {
  releasing: `INSERT INTO event (after, at, lockout)
              SELECT ${LAST}, :now, id FROM lockout WHERE ${FLY} AND source IN (SELECT value FROM json_each(:sources))`,
  prolonged: `INSERT INTO event (after, at, lockout, facts)
              SELECT ${LAST}, :now, id, :facts FROM lockout WHERE source = :source AND ${FLY}`,
  note: `INSERT INTO event (after, at, facts) VALUES (${LAST}, :now, :facts)`,
  forget: `DELETE FROM event WHERE facts IS NOT NULL AND id <=
             (SELECT id FROM event WHERE facts IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET :most)`,
} as const

export function openEventRows(database: Database, most = NOTES_MAX): EventRows {
  const { releasing, prolonged, note, forget } = database.prepareAll(SQL)
  let added = Number.POSITIVE_INFINITY

  function bound(): void {
    if (++added < most * INEXACT) return
    added = 0
    forget.run({ most: Math.floor(most * (1 - INEXACT)) })
  }

  function write(one: Note, now: number): void {
    note.run({ now, facts: JSON.stringify(one) })
    bound()
  }

  return {
    releasing: (sources, now) => void releasing.run({ sources, now }),
    flushed: (flies, { by, at }) => write(noteOf({ event: 'flush', flies, by }), at),
    prolonged(prolongation, now) {
      const text = JSON.stringify(noteOf({ event: 'prolong', prolongation }))
      prolonged.run({ source: prolongation.source, facts: text, now })
      bound()
    },
    note: write,
  }
}

export function noteOf(event: Event): Note {
  return { ...facts(event), event: event.event, text: sentence(event) }
}
