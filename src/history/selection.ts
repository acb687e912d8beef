/** Which flies somebody asks for: the filters that list, free and export share, as a question to the history. */
import { namesOf } from '../lockout/flies.ts'
import type { Prefix } from '../terms/address.ts'
import { meets } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import type { Database, Row, Value } from './database.ts'
import type { LockoutRow } from './lockout-row.ts'
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
  function* selectPieces(filter: Filter, now: number): Generator<readonly LockoutRow[]> {
    const fitting = fit(filter)
    for (const rows of newestFirst(database, SELECT, wantedOf(filter, now)))
      yield rows.map(lockoutOf).filter(fitting)
  }

  return {
    selectPieces,
    *select(filter, now, sort = 'since') {
      if (sort === 'since') {
        for (const piece of selectPieces(filter, now)) yield* piece
        return
      }
      const fitting = fit(filter)
      for (const row of database.each(`${SELECT} ORDER BY ${ORDER[sort]}`, wantedOf(filter, now))) {
        const lockout = lockoutOf(row)
        if (fitting(lockout)) yield lockout
      }
    },
  }
}

const SELECT = `SELECT * FROM lockout WHERE ${FLY} AND since >= :since
  AND (:port IS NULL OR (number = :port AND tried IN ('tcp', 'udp', 'sctp')))
  AND (:proto IS NULL OR tried = :proto)
  AND (:hosts IS NULL OR source IN (SELECT value FROM json_each(:hosts)) OR because = 'by-hand')`

function wantedOf({ since, port, proto, within }: Filter, now: number): Readonly<Record<string, Value>> {
  return {
    now,
    since: since ?? 0,
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

/** Page by page, in the order of the table itself, so that nothing need be sorted. A page is so many rows, whether they fit or not. */
function* newestFirst(
  database: Database,
  sql: string,
  wanted: Readonly<Record<string, Value>>,
): Generator<Row[]> {
  const { start, page } = database.prepareAll({
    start: `SELECT id FROM lockout WHERE id < :before ORDER BY id DESC LIMIT 1 OFFSET ${PAGE - 1}`,
    page: `${sql} AND id >= :from AND id < :before ORDER BY id DESC`,
  })
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    const from = start.get({ before })?.id as number | undefined
    yield page.all({ ...wanted, before, from: from ?? Number.MIN_SAFE_INTEGER })
    if (from === undefined) return
    before = from
  }
}
