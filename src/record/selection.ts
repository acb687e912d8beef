/** Which flies somebody asks for: the filters that list, free and export share, as a question to the history. */
import { namesOf } from '../lockout/flies.ts'
import { overlaps, type Prefix } from '../terms/address.ts'
import { prefixOf } from '../terms/fly.ts'
import type { Database, Row, Value } from './database.ts'
import type { LockoutRow } from './lockout.ts'
import { lockoutOf } from './row.ts'
import { FLY } from './schema.ts'

export const PROTOS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'protocol'] as const
export const SORTS = ['since', 'until', 'times', 'port'] as const

/** Every condition that is given must hold. */
export interface Filter {
  /** Locked out at this time or later, in milliseconds since the epoch. */
  readonly since?: number | undefined
  /** Tried this port, of TCP, UDP or SCTP. */
  readonly port?: number | undefined
  readonly proto?: (typeof PROTOS)[number] | undefined
  /** Overlaps one of them. */
  readonly within?: readonly Prefix[] | undefined
}

export interface Selection {
  /** The flies that fit, read as the caller takes them. */
  select(filter: Filter, now: number, sort?: (typeof SORTS)[number]): Iterable<LockoutRow>
}

/** Rows that are read at once: one by one they take three times as long. */
const PAGE = 1000

/** What one wants to see first comes first. */
const ORDER = {
  until: 'until IS NULL, until',
  times: 'times DESC, id DESC',
  port: 'number, id DESC',
} as const

export function openSelection(database: Database): Selection {
  return {
    *select({ since, port, proto, within }, now, sort = 'since') {
      const sql = `SELECT * FROM lockout WHERE ${FLY} AND since >= :since
        AND (:port IS NULL OR (number = :port AND tried IN ('tcp', 'udp', 'sctp')))
        AND (:proto IS NULL OR tried = :proto)
        AND (:hosts IS NULL OR source IN (SELECT value FROM json_each(:hosts)) OR because = 'by-hand')`
      const wanted = {
        now,
        since: since ?? 0,
        port: port ?? null,
        proto: proto ?? null,
        hosts: namesOfHosts(within),
      }
      const rows =
        sort === 'since'
          ? newestFirst(database, sql, wanted)
          : database.each(`${sql} ORDER BY ${ORDER[sort]}`, wanted)
      for (const row of rows) {
        const lockout = lockoutOf(row)
        if (within === undefined || within.some(prefix => overlaps(prefix, prefixOf(lockout.source))))
          yield lockout
      }
    },
  }
}

/**
 * The flies that single hosts can be, as a JSON array; wider prefixes are by hand, or need a look at each fly: null.
 */
function namesOfHosts(within: readonly Prefix[] | undefined): string | null {
  const areHosts = within?.every(({ family, length }) => length === (family === 4 ? 32 : 128))
  return areHosts ? JSON.stringify(within?.flatMap(namesOf)) : null
}

/** Page by page, in the order of the table itself, so that nothing need be sorted. */
function* newestFirst(
  database: Database,
  sql: string,
  wanted: Readonly<Record<string, Value>>,
): Generator<Row> {
  const page = database.prepare(`${sql} AND id < :before ORDER BY id DESC LIMIT ${PAGE}`)
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    const rows = page.all({ ...wanted, before })
    yield* rows
    if (rows.length < PAGE) return
    before = rows.at(-1)!.id as number
  }
}
