/** The history read backwards: the story of one source, and sums over days. For people, so it may take a second or two. */
import { overlaps, type Prefix } from '../terms/address.ts'
import { prefixOf } from '../terms/fly.ts'
import type { Database, Statement } from './database.ts'
import type { LockoutRow } from './lockout-row.ts'
import { lockoutOf } from './row.ts'
import type { Samples } from './samples.ts'
import { FLY } from './schema.ts'
import { type Counted, type Sums, sumUp } from './sums.ts'

export interface Chronicle {
  /** The lockouts of a source by these names, newest first. Reads the whole table. */
  lockoutsOf(names: readonly string[], limit: number): LockoutRow[]
  /** The prefixes that were locked out by hand, are in force, and meet this one. */
  lockedAround(prefix: Prefix, now: number): LockoutRow[]
  /** What happened since then. */
  sums(since: number): Told
  /** Bytes of the database. */
  bytes(): number
}

export interface Told extends Sums {
  /** Let go since then, by reason; of a source that came before and after, all. */
  readonly spared: readonly { readonly because: string; readonly packets: number; readonly sources: number }[]
  /** Ports that flies went on to try, of a sample; none where the settings want none. */
  readonly alsoTried: readonly { readonly what: string; readonly sources: number }[]
}

/** Rows that are read at once. More of them would outlive a small nursery, which costs half as much again. */
const AT_ONCE = 500

// Not indexed: to walk the table is quicker than to follow an index of nearly all its rows.
const SQL = {
  of: 'SELECT * FROM lockout WHERE source IN (:one, :other) ORDER BY id DESC LIMIT :limit',
  nets: `SELECT * FROM lockout NOT INDEXED WHERE ${FLY} AND because = 'by-hand' AND source LIKE '%/%'`,
  lockouts: `SELECT id, source, since, tried, number, times, latest, because, stands FROM lockout
             WHERE id > :after AND since >= :since ORDER BY id LIMIT ${AT_ONCE}`,
  byHand: `SELECT source FROM lockout NOT INDEXED WHERE latest = 1 AND because = 'by-hand' AND since >= :since`,
  // What was pruned is counted in the totals of its day (pruning.ts): of the whole day, also where it began before.
  pruned: `SELECT day, attackers FROM day WHERE day >= date(:since / 1000, 'unixepoch', 'localtime')`,
  spared: `SELECT because, sum(count) AS packets, count(*) AS sources FROM sighting WHERE last >= :since
           GROUP BY because ORDER BY packets DESC`,
  bytes: 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
} as const

export function openChronicle(
  database: Database,
  { sampledSince }: Pick<Samples, 'sampledSince'>,
): Chronicle {
  const ask = database.prepareAll(SQL)
  return {
    lockoutsOf: ([one = '', other = ''], limit) => ask.of.all({ one, other, limit }).map(lockoutOf),
    lockedAround: (prefix, now) =>
      ask.nets
        .all({ now })
        .map(lockoutOf)
        .filter(({ source }) => overlaps(prefix, prefixOf(source))),
    sums(since) {
      const byHand = new Set(ask.byHand.all({ since }).map(({ source }) => source as string))
      const sums = sumUp(lockoutsSince(ask.lockouts, since), byHand, since)
      const pruned = ask.pruned.all({ since }) as unknown as Sums['days']
      const spared = ask.spared.all({ since }) as unknown as Told['spared']
      const alsoTried = sampledSince(since)
      return { ...sums, days: together([...sums.days, ...pruned]), spared, alsoTried }
    },
    bytes: () => ask.bytes.get()?.bytes as number,
  }
}

/** In large pieces: to take a million rows one by one would double the work. */
function* lockoutsSince(lockouts: Statement, since: number): Generator<readonly Counted[]> {
  for (let after = 0; ; ) {
    const rows = lockouts.values({ after, since }) as unknown as Counted[]
    if (rows.length === 0) return
    yield rows
    after = rows.at(-1)![0]
  }
}

/** Of each day that had attackers the sum, in order. */
function together(days: Sums['days']): Sums['days'] {
  const all = new Map<string, number>()
  for (const { day, attackers } of days) all.set(day, attackers + (all.get(day) ?? 0))
  return [...all]
    .map(([day, attackers]) => ({ day, attackers }))
    .filter(({ attackers }) => attackers > 0)
    .sort((one, other) => (one.day < other.day ? -1 : 1))
}
