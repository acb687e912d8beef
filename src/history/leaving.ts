/**
 * Lockouts go for good: pruned, or forgotten. The number of a lockout is never used again, since readers of the feed know by it where they
 * are (feed.ts). SQLite gives one more than the greatest that there is: so the row with the greatest stays until a later one has come. Who has
 * to be forgotten at once leaves an empty row there.
 */
import type { Database } from './database.ts'
import { NOBODY } from './feed.ts'

export interface Leaving {
  /** Removes these rows, and what the feed tells of them, in the caller's transaction. None of them may be the one with the greatest number. */
  remove(ids: readonly number[]): void
  /** The same of any rows. Of the newest an empty row stays, until it is pruned or the next call comes after a later lockout. */
  forget(ids: readonly number[]): void
}

/** A condition on a row of table lockout: it may be removed. */
export const MAY_GO = 'id < (SELECT max(id) FROM lockout)'

const THESE = '(SELECT value FROM json_each(:ids))'
const SQL = {
  events: `DELETE FROM event WHERE lockout IN ${THESE}`,
  rows: `DELETE FROM lockout WHERE id IN ${THESE} AND ${MAY_GO}`,
  // Not the row of a source any more: any number of them may stand there.
  empty: `UPDATE lockout SET source = '${NOBODY}', because = 'by-hand', until = since, times = 1, latest = 0, stands = 0, counts = 0, prolonged = 0,
            packet_source = NULL, tried = NULL, number = NULL, from_port = NULL, detail = NULL, hook = NULL, forwarded_to = NULL, locked_by = NULL,
            note = 'forgotten', released_at = NULL, released_by = NULL, released_because = NULL, grade = NULL, evidence = NULL, ports = NULL,
            testified_by = NULL, testified_via = NULL, own_ended = NULL
          WHERE id IN ${THESE}`,
  emptied: `DELETE FROM lockout WHERE source = '${NOBODY}' AND ${MAY_GO}`,
} as const

export function openLeaving(database: Database): Leaving {
  const { events, rows, empty, emptied } = database.prepareAll(SQL)

  function remove(ids: readonly number[]): { ids: string } {
    const these = { ids: JSON.stringify(ids) }
    events.run(these)
    rows.run(these)
    return these
  }

  return {
    remove,
    forget(ids) {
      empty.run(remove(ids))
      emptied.run()
    },
  }
}
