/**
 * The history: every lockout, when, why, until when, which time, released when and by whom.
 *
 * All calls are synchronous and small. Times come from the caller, in milliseconds since the epoch.
 */
import { isAttack, type Lockout, type LockoutTerm, type Memory, type Past } from '../lockout/lockout.ts'
import type { Fly } from '../terms/fly.ts'
import { alikePieces, alikeValues, isSent } from './bulk-insert.ts'
import type { Database } from './database.ts'
import { dayAround } from './day.ts'
import { type EventRows, openEventRows } from './event-rows.ts'
import { type Feed, openFeed } from './feed.ts'
import { type Forgetting, openForgetting } from './forgetting.ts'
import type { LockoutRow } from './lockout-row.ts'
import { type Limits, openPruning, type Pruned } from './pruning.ts'
import { type Chronicle, openChronicle } from './reports.ts'
import { lockoutOf, pastOfRow, termOf, valuesOf } from './row.ts'
import { openSamples, type Samples } from './samples.ts'
import { SQL } from './schema.ts'
import { openSelection, type Selection } from './selection.ts'
import { openSightings, type Sightings } from './sightings.ts'

export type { LockoutRow } from './lockout-row.ts'

export interface History
  extends Memory,
    Sightings,
    Pick<Samples, 'addSamples' | 'sampleOf'>,
    Selection,
    Chronicle,
    Forgetting,
    Feed,
    Pick<EventRows, 'note'>,
    Disposable {
  /**
   * The lockouts that are in force, in no particular order, read as the caller takes them. Throws a Failure for a row
   * that means nothing, or calls `unreadable` with it and goes on.
   */
  flies(now: number, unreadable?: (failure: unknown) => void): Iterable<LockoutRow>
  /** The same, but only who, since when and until when: a million in a second. */
  terms(now: number, unreadable?: (failure: unknown) => void): Iterable<LockoutTerm>
  /** The lockout of this source that is in force. */
  find(source: Fly, now: number): LockoutRow | undefined
  /** Every lockout that began before, the oldest first, of these sources alone: reads all that there are. */
  before(at: number, sources: ReadonlySet<Fly>): Iterable<LockoutRow>
  /** How many lockouts are in force. */
  count(now: number): number
  /** The last lockouts, newest first: those before the row `before`, and those in force at `now` where given. */
  newest(limit: number, page?: { before?: number; now?: number }): LockoutRow[]
  /** Whether this source was ever locked out, as far as that is remembered. */
  knows(source: Fly): boolean
  /**
   * The clock was set by so many milliseconds: the times of all who were not released move with it, also of those whose
   * time is over, who would be in force again when the clock goes back.
   */
  shift(ms: number): void
  /** Forgets a slice of the lockouts that are too old or too many; see pruning.ts. */
  prune(limits: Limits, now: number): Pruned
  /**
   * From now on a call is refused at once where another program holds the database, which would else stand still for a second each time.
   * Not while a daemon begins: the one that it relieves may just be closing the file, and who is a fly has to be read.
   */
  neverWait(): void
  /** Small facts that outlive the daemon. */
  getMeta(key: string): string | undefined
  setMeta(key: string, value: string): void
  /** Resolves when everything that was written so far survives a power cut. Rejects with a Failure. */
  sync(): Promise<void>
}

/** So few flies are found by their index, at some microseconds each; more by reading the whole table in its order. */
const FEW = 10_000
/** More of them would outlive a small nursery. */
const READ_AT_ONCE = 250
/** Fewer lockouts that are alike are written one by one: quicker than what writing them together takes beforehand. */
const FEW_ALIKE = 4

/** The history in this database, whose schema is MIGRATIONS; the database is released with it. */
export function openHistory(database: Database): History {
  const {
    supersede,
    standsToday,
    add,
    addAlike,
    supersedeAlike,
    addAlikeSent,
    supersedeAlikeSent,
    last,
    pastOf,
    knows,
    shift,
    find,
    prolong,
    goesOn,
    count,
    termsOfFew,
    termsOfMany,
    release,
    releaseAll,
    newest,
    newestFlies,
    getMeta,
    setMeta,
  } = database.prepareAll(SQL)
  const pruning = openPruning(database)
  const samples = openSamples(database)
  const eventRows = openEventRows(database)

  function past(sources: readonly Fly[]): Map<Fly, Past> {
    const rows = pastOf.all({ sources: JSON.stringify(sources) })
    return new Map(rows.map(row => [row.source as Fly, pastOfRow(row)]))
  }

  function addOne(lockout: Lockout): void {
    const isOffence = isAttack(lockout.because)
    const before = lockout.because === 'testimony' ? past([lockout.source]).get(lockout.source) : undefined
    if (add.run(...valuesOf(lockout, isOffence, before)) > 0) return
    const today = { source: lockout.source, ...dayAround(lockout.since) }
    const stands = isOffence || standsToday.get(today) !== undefined
    supersede.run({ ...today, since: lockout.since })
    add.run(...valuesOf(lockout, stands, before))
  }

  /** What is in the way of some was there before: it is superseded, and those come in the second time. */
  function addAlikes(alike: readonly Lockout[]): void {
    const values = alikeValues(alike)
    const before = last.get()!.last as number | null
    const [add, supersede] = isSent(alike[0]!)
      ? [addAlikeSent, supersedeAlikeSent]
      : [addAlike, supersedeAlike]
    if (add.run(values) === alike.length) return
    supersede.run({
      lockouts: values.lockouts!,
      last: before,
      since: alike[0]!.since,
      ...dayAround(alike[0]!.since),
    })
    add.run(values)
  }

  return {
    ...openSightings(database),
    addSamples: samples.addSamples,
    sampleOf: samples.sampleOf,
    ...openSelection(database),
    ...openChronicle(database, samples),
    ...openForgetting(database, pruning),
    ...openFeed(database),
    note: eventRows.note,
    add(lockouts) {
      database.transaction(() => {
        for (const piece of alikePieces(lockouts))
          if (piece.length < FEW_ALIKE) piece.forEach(addOne)
          else addAlikes(piece)
      })
      pruning.added(lockouts.length)
    },
    prolong(prolongations, now) {
      database.transaction(() => {
        for (const prolongation of prolongations) {
          const { source, until: end, by, note = null } = prolongation
          const until = end === 'forever' ? null : end
          if (by === undefined) goesOn.run({ source, until, now })
          else if (prolong.run({ source, until, by, note, now }) > 0) eventRows.prolonged(prolongation, now)
        }
      })
    },
    knows: source => knows.get({ source }) !== undefined,
    shift: ms => void shift.run({ ms }),
    prune(limits, now) {
      samples.forgetSamples(Math.max(0, now - limits.keepMs))
      return pruning.prune(limits, now)
    },
    pastOf: past,
    flies: (now, unreadable) => fliesIn(database, now, unreadable),
    *terms(now, unreadable) {
      const isFew = (count.get({ now })?.flies as number) <= FEW
      let after = 0
      for (;;) {
        const rows = isFew
          ? termsOfFew.values({ now })
          : termsOfMany.values({ now, after, limit: READ_AT_ONCE })
        for (const row of rows) {
          const term = unreadable === undefined ? termOf(row) : readable(row, termOf, unreadable)
          if (term !== undefined) yield term
        }
        if (isFew || rows.length < READ_AT_ONCE) return
        after = rows.at(-1)![0] as number
      }
    },
    find(source, now) {
      const row = find.get({ source, now })
      return row === undefined ? undefined : lockoutOf(row)
    },
    *before(at, sources) {
      for (const row of database.each(SQL.before, { at }))
        if (sources.has(row.source as Fly)) yield lockoutOf(row)
    },
    count: now => count.get({ now })?.flies as number,
    release(sources, { at: now, by, because, counts }) {
      const text = JSON.stringify(sources)
      const rows = database.transaction(() => {
        eventRows.releasing(text, now)
        return release.run({ sources: text, now, by, because, counts: Number(counts) })
      })
      pruning.changed(rows)
      return rows
    },
    releaseAll: everybody => {
      const { at: now, by, because, counts } = everybody
      return database.transaction(() => {
        const rows = releaseAll.run({ now, by, because, counts: Number(counts) })
        eventRows.flushed(rows, everybody)
        return rows
      })
    },
    newest(limit, { before = Number.MAX_SAFE_INTEGER, now } = {}) {
      const rows = now === undefined ? newest.all({ limit, before }) : newestFlies.all({ limit, before, now })
      return rows.map(lockoutOf)
    },
    getMeta: key => getMeta.get({ key })?.value as string | undefined,
    setMeta: (key, value) => void setMeta.run({ key, value }),
    neverWait: () => void database.prepare('PRAGMA busy_timeout = 0').get(),
    sync: () => database.sync(),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  }
}

/** Those of History.flies, also of a database that an older version has left. */
export function* fliesIn(
  database: Database,
  now: number,
  unreadable?: (failure: unknown) => void,
): Generator<LockoutRow> {
  for (const row of database.each(SQL.flies, { now })) {
    const lockout = unreadable === undefined ? lockoutOf(row) : readable(row, lockoutOf, unreadable)
    if (lockout !== undefined) yield lockout
  }
}

function readable<Row, T>(
  row: Row,
  read: (row: Row) => T,
  unreadable: (failure: unknown) => void,
): T | undefined {
  try {
    return read(row)
  } catch (error) {
    return void unreadable(error)
  }
}
