/** Which lockouts somebody asks for: the filters of list, free and export, as a question to the history. */
import { type GRADES, GUILTS } from '../judge/verdict.ts'
import { namesOf } from '../lockout/flies.ts'
import type { Prefix } from '../terms/address.ts'
import { meets } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import type { Database, Value } from './database.ts'
import type { LockoutRow } from './lockout-row.ts'
import { lockoutOf } from './row.ts'
import { FLY } from './schema.ts'

export const PROTOS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'protocol'] as const
export const SORTS = ['since', 'until', 'times', 'port'] as const
export const REASONS = [...GUILTS, 'by-hand', 'testimony'] as const
/** How a lockout ended: its time was over; or as the column released_because says (`part of a wider one`). */
export const ENDS = ['over', 'freed', 'flushed', 'no-room', 'replaced', 'part', 'withdrawn'] as const

/** Every condition that is given must hold. */
export interface Filter {
  /** Locked out at this time or later, in milliseconds since the epoch. */
  readonly since?: number | undefined
  /** Locked out before this time. */
  readonly until?: number | undefined
  /** Tried this port, of TCP, UDP or SCTP. */
  readonly port?: number | undefined
  readonly proto?: (typeof PROTOS)[number] | undefined
  readonly reason?: (typeof REASONS)[number] | undefined
  readonly grade?: (typeof GRADES)[number] | undefined
  /** Instead of the flies: lockouts that are not in force any more, ... */
  readonly past?: boolean | undefined
  /** ... and which ended so. */
  readonly ended?: (typeof ENDS)[number] | undefined
  /** Overlaps one of them. */
  readonly within?: readonly Prefix[] | undefined
}

/** Lockouts of a piece of the table, newest first. */
export interface Page {
  readonly rows: readonly LockoutRow[]
  /** The next piece is before this row; undefined: that was the last. Rows keep their numbers, so whatever comes or goes meanwhile, nobody is told twice, nor left out who was there all the time. */
  readonly next: number | undefined
}

export interface Selection {
  /** Those that fit in one piece of the table, of a bounded number of rows: there may be none. */
  selectPage(filter: Filter, now: number, before?: number): Page
  /** The flies that fit, read as the caller takes them. */
  select(filter: Filter, now: number, sort?: (typeof SORTS)[number]): Iterable<LockoutRow>
  /**
   * The same, newest first, by pieces of the table: in many there is nobody, so that whoever takes them can let others have their
   * turn. The history may change meanwhile.
   */
  selectPieces(filter: Filter, now: number): Iterable<readonly LockoutRow[]>
}

/** Rows that are looked at in one question: one by one they take three times as long, and more take longer than others can wait. */
const PAGE = 500

/** What one wants to see first comes first. */
const ORDER = {
  until: 'until IS NULL, until',
  times: 'times DESC, id DESC',
  port: 'number, id DESC',
} as const

export function openSelection(database: Database): Selection {
  const pageOf = newestFirst(database, PAGE)
  const [present, past] = [SELECT, SELECT_PAST].map(pageOf)

  function selectPage(filter: Filter, now: number, before?: number): Page {
    const { rows, next } = (filter.past ? past : present)!(wantedOf(filter, now), before)
    return { rows: rows.map(lockoutOf).filter(fit(filter)), next }
  }

  function* selectPieces(filter: Filter, now: number): Generator<readonly LockoutRow[]> {
    for (let page: Page | undefined; page === undefined || page.next !== undefined; ) {
      page = selectPage(filter, now, page?.next)
      yield page.rows
    }
  }

  return {
    selectPage,
    selectPieces,
    *select(filter, now, sort = 'since') {
      if (sort === 'since') {
        for (const piece of selectPieces(filter, now)) yield* piece
        return
      }
      const fitting = fit(filter)
      for (const row of database.each(
        `${filter.past ? SELECT_PAST : SELECT} ORDER BY ${ORDER[sort]}`,
        wantedOf(filter, now),
      )) {
        const lockout = lockoutOf(row)
        if (fitting(lockout)) yield lockout
      }
    },
  }
}

const FITS = `since >= :since AND (:until IS NULL OR since < :until)
  AND (:port IS NULL OR (number = :port AND tried IN ('tcp', 'udp', 'sctp')))
  AND (:proto IS NULL OR tried = :proto)
  AND (:reason IS NULL OR because = :reason)
  AND (:grade IS NULL OR coalesce(grade, iif(because = 'by-hand', 'by-hand', 'forgeable')) = :grade)
  AND (:hosts IS NULL OR source IN (SELECT value FROM json_each(:hosts)) OR because = 'by-hand')`
const SELECT = `SELECT * FROM lockout WHERE ${FLY} AND :ended IS NULL AND ${FITS}`
const SELECT_PAST = `SELECT * FROM lockout WHERE NOT (${FLY}) AND (:ended IS NULL OR coalesce(released_because, 'over') = iif(:ended = 'part', 'part of a wider one', :ended))
  AND ${FITS}`

function wantedOf(filter: Filter, now: number): Readonly<Record<string, Value>> {
  const { since, until, port, proto, reason, grade, ended, within } = filter
  return {
    now,
    since: since ?? 0,
    until: until ?? null,
    reason: reason ?? null,
    grade: grade ?? null,
    ended: ended ?? null,
    port: port ?? null,
    proto: proto ?? null,
    hosts: namesOfHosts(within),
  }
}

/** What is not asked of the database. */
function fit({ within }: Filter): (lockout: LockoutRow) => boolean {
  if (within === undefined) return () => true
  const wanted = prefixSet(within)
  return ({ source }) => meets(source, wanted)
}

/**
 * The flies that single hosts can be, as a JSON array; wider prefixes are by hand, or need a look at each fly: null.
 */
function namesOfHosts(within: readonly Prefix[] | undefined): string | null {
  const areHosts = within?.every(({ family, length }) => length === (family === 4 ? 32 : 128))
  return areHosts ? JSON.stringify(within?.flatMap(namesOf)) : null
}

/** The newest rows before one, of a piece of the table: so many rows, whether they fit or not, and nothing need be sorted. */
export function newestFirst(database: Database, rows: number) {
  const start = database.prepare(
    `SELECT id FROM lockout WHERE id < :before ORDER BY id DESC LIMIT 1 OFFSET ${rows - 1}`,
  )
  return (sql: string) => {
    const page = database.prepare(`${sql} AND id >= :from AND id < :before ORDER BY id DESC`)
    return (wanted: Readonly<Record<string, Value>>, before = Number.MAX_SAFE_INTEGER) => {
      const next = start.get({ before })?.id as number | undefined
      return { rows: page.all({ ...wanted, before, from: next ?? Number.MIN_SAFE_INTEGER }), next }
    }
  }
}
