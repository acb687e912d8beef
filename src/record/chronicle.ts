/** The history read backwards: the story of one source, and sums over days. For people, so it may take a second. */
import { overlaps, type Prefix, parsePrefix, widen } from '../terms/address.ts'
import { prefixOf } from '../terms/fly.ts'
import type { Database } from './database.ts'
import type { LockoutRow } from './lockout.ts'
import { lockoutOf } from './row.ts'
import { FLY } from './schema.ts'

export interface Chronicle {
  /** The lockouts of a source by these names, newest first. Reads the whole table. */
  lockoutsOf(names: readonly string[], limit: number): LockoutRow[]
  /** The prefixes that were locked out by hand, are in force, and meet this one. */
  lockedAround(prefix: Prefix, now: number): LockoutRow[]
  /** What happened since then. */
  sums(since: number): Sums
  /** Bytes of the database. */
  bytes(): number
}

export interface Sums {
  /** Different sources each day of local time, `2026-11-24`, days without any left out. */
  readonly days: readonly { readonly day: string; readonly attackers: number }[]
  readonly lockouts: number
  readonly attackers: number
  readonly attackers6: number
  readonly ports: readonly { readonly proto: string; readonly number: number; readonly lockouts: number }[]
  /** IPv4: the /24. */
  readonly networks: readonly { readonly network: string; readonly attackers: number }[]
  readonly repeaters: readonly { readonly source: string; readonly times: number }[]
  readonly reasons: readonly { readonly because: string; readonly lockouts: number }[]
  /** Let go since then, by reason; of a source that came before and after, all. */
  readonly spared: readonly { readonly because: string; readonly packets: number; readonly sources: number }[]
}

const TOP = 10
/** Sources of IPv6 whose networks are counted. */
const NETWORKED_MAX = 100_000

/** Who was locked out by hand did not attack. */
const ATTACK = `since >= :since AND because <> 'by-hand'`

const SQL = {
  of: 'SELECT * FROM lockout WHERE source IN (:one, :other) ORDER BY id DESC LIMIT :limit',
  nets: `SELECT * FROM lockout WHERE ${FLY} AND because = 'by-hand' AND source LIKE '%/%'`,
  // Of days that were pruned the totals are left (pruning.ts).
  days: `SELECT day, max(attackers) AS attackers FROM (
           SELECT date(since / 1000, 'unixepoch', 'localtime') AS day, count(DISTINCT source) AS attackers
           FROM lockout WHERE ${ATTACK} GROUP BY day
           UNION ALL
           SELECT day, attackers FROM day WHERE day >= date(:since / 1000, 'unixepoch', 'localtime')
         ) GROUP BY day ORDER BY day`,
  whole: `SELECT count(*) AS lockouts, count(DISTINCT source) AS attackers,
            count(DISTINCT CASE WHEN source LIKE '%:%' THEN source END) AS attackers6
          FROM lockout WHERE ${ATTACK}`,
  ports: `SELECT tried AS proto, number, count(*) AS lockouts FROM lockout
          WHERE ${ATTACK} GROUP BY tried, number ORDER BY lockouts DESC, number LIMIT ${TOP}`,
  networks: `SELECT rtrim(source, '0123456789') || '0/24' AS network, count(DISTINCT source) AS attackers
             FROM lockout WHERE ${ATTACK} AND source NOT LIKE '%:%'
             GROUP BY network ORDER BY attackers DESC, network LIMIT ${TOP}`,
  sources6: `SELECT DISTINCT source FROM lockout WHERE ${ATTACK} AND source LIKE '%:%' LIMIT ${NETWORKED_MAX}`,
  repeaters: `SELECT source, max(times) AS times FROM lockout WHERE ${ATTACK} AND times > 1
              GROUP BY source ORDER BY times DESC, source LIMIT ${TOP}`,
  reasons: `SELECT because, count(*) AS lockouts FROM lockout WHERE since >= :since
            GROUP BY because ORDER BY lockouts DESC`,
  spared: `SELECT because, sum(count) AS packets, count(*) AS sources FROM sighting WHERE last >= :since
           GROUP BY because ORDER BY packets DESC`,
  bytes: 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
} as const

export function openChronicle(database: Database): Chronicle {
  const ask = database.prepareAll(SQL)
  return {
    lockoutsOf: ([one = '', other = ''], limit) => ask.of.all({ one, other, limit }).map(lockoutOf),
    lockedAround: (prefix, now) =>
      ask.nets
        .all({ now })
        .map(lockoutOf)
        .filter(({ source }) => overlaps(prefix, prefixOf(source))),
    sums: since =>
      ({
        ...ask.whole.get({ since }),
        days: ask.days.all({ since }),
        ports: ask.ports.all({ since }),
        networks: top([...ask.networks.all({ since }), ...networks6(database, since)] as Sums['networks']),
        repeaters: ask.repeaters.all({ since }),
        reasons: ask.reasons.all({ since }),
        spared: ask.spared.all({ since }),
      }) as unknown as Sums,
    bytes: () => ask.bytes.get()?.bytes as number,
  }
}

/** IPv6: the /48, which SQL cannot cut out of the text. */
function networks6(database: Database, since: number): Sums['networks'] {
  const counted = new Map<string, number>()
  for (const { source } of database.each(SQL.sources6, { since })) {
    const { text } = widen(parsePrefix(String(source))!, 48)
    counted.set(text, (counted.get(text) ?? 0) + 1)
  }
  return [...counted].map(([network, attackers]) => ({ network, attackers }))
}

function top(networks: Sums['networks']): Sums['networks'] {
  return networks.toSorted((one, other) => other.attackers - one.attackers).slice(0, TOP)
}
