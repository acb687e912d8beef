/** Which flies somebody asks for: the filters that list, free and export share, as a question to the history. */
import { namesOf } from '../lockout/flies.ts'
import { overlaps, type Prefix } from '../terms/address.ts'
import { prefixOf } from '../terms/fly.ts'
import type { Database } from './database.ts'
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

/** What one wants to see first comes first. */
const ORDER = {
  since: 'id DESC',
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
        AND (:hosts IS NULL OR source IN (SELECT value FROM json_each(:hosts)) OR because = 'by-hand') ORDER BY ${ORDER[sort]}`
      const wanted = {
        now,
        since: since ?? 0,
        port: port ?? null,
        proto: proto ?? null,
        hosts: namesOfHosts(within),
      }
      for (const row of database.each(sql, wanted)) {
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
