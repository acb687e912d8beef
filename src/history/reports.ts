/** The history read backwards: the story of one source, and sums over days. For people, so it may take a second or two. */
import type { Database, Statement } from './database.ts'
import { lockoutOf } from './row.ts'
import type { Samples } from './samples.ts'
import { FLY } from './schema.ts'
import { newestFirst, type Page } from './selection.ts'
import { type Counted, type Sums, sumUp } from './sums.ts'

export interface Chronicle {
  /** Of a piece of the table: the lockouts of a source by these names, and all prefixes that are locked out by hand at `now`. */
  storyPage(names: readonly string[], now: number, before?: number): Page
  /** What happened since then. */
  sums(since: number): Told
  /** The same, last, after as many pieces of the work as it takes. */
  sumsInPieces(since: number): Iterable<Told | undefined>
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
/** Rows that are looked at in one piece where few of them are wanted: some milliseconds. */
const STEP = 2000

const STORY = `SELECT * FROM lockout WHERE (source IN (:one, :other)
  OR (${FLY} AND because = 'by-hand' AND source LIKE '%/%'))`

// Not indexed: to walk the table is quicker than to follow an index of nearly all its rows.
const SQL = {
  lockouts: `SELECT id, source, since, tried, number, times, latest, because, stands FROM lockout
             WHERE id > :after AND id <= :edge AND since >= :since ORDER BY id`,
  byHand: `SELECT source FROM lockout WHERE id > :after AND id <= :edge AND +latest = 1 AND because IN ('by-hand', 'testimony') AND since >= :since`,
  edge: `SELECT max(id) AS id FROM (SELECT id FROM lockout WHERE id > :after ORDER BY id LIMIT :rows)`,
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
  const story = newestFirst(database, STEP)(STORY)

  /** What this asks of the table, piece by piece: to take a million rows one by one would double the work. */
  function* inPieces(asked: Statement, since: number, rows: number): Generator<readonly unknown[][]> {
    for (let after = 0; ; ) {
      const edge = ask.edge.get({ after, rows })?.id as number | null
      if (edge === null) return
      yield asked.values({ after, edge, since })
      after = edge
    }
  }

  function* sumsInPieces(since: number): Generator<Told | undefined> {
    const byHand = new Set<string>()
    for (const rows of inPieces(ask.byHand, since, STEP)) {
      for (const [source] of rows) byHand.add(source as string)
      yield undefined
    }
    const lockouts = inPieces(ask.lockouts, since, AT_ONCE) as Iterable<readonly Counted[]>
    const sums = yield* sumUp(lockouts, byHand, since)
    const pruned = ask.pruned.all({ since }) as unknown as Sums['days']
    const spared = ask.spared.all({ since }) as unknown as Told['spared']
    const alsoTried = sampledSince(since)
    yield { ...sums, days: together([...sums.days, ...pruned]), spared, alsoTried }
  }

  return {
    storyPage([one = '', other = ''], now, before) {
      const { rows, next } = story({ one, other, now }, before)
      return { rows: rows.map(lockoutOf), next }
    },
    sums: since => [...sumsInPieces(since)].at(-1)!,
    sumsInPieces,
    bytes: () => ask.bytes.get()?.bytes as number,
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
