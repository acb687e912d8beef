/**
 * What is remembered of a person is removed: rows, columns of rows that concern others as well, and their bytes in the file. The totals of days stay, as
 * when rows are pruned. The newest row of all is made to name nobody instead, since the numbers of rows are not given a second time (leaving.ts).
 */
import { type Address, type Prefix, parseAddress } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import { type Fly, liesIn } from '../terms/fly.ts'
import { type PrefixSet, prefixSet } from '../terms/prefix-set.ts'
import type { Database } from './database.ts'
import { openLeaving } from './leaving.ts'
import type { Pruning } from './pruning.ts'
import { openTotals } from './totals.ts'
import { GOING, type Going } from './walk.ts'

/** What was removed of one piece of the table of lockouts. */
export interface ForgottenPage {
  readonly lockouts: number
  /** Rows that stay, without the address of the sender or of whom its packet was for. */
  readonly senders: number
  /** The next piece is behind this row; undefined: that was the last. */
  readonly next: number | undefined
}

export interface ForgottenNames {
  readonly sightings: number
  readonly samples: number
}

export interface Forgetting {
  /** Of a piece of the table, behind the row `after`. */
  forgetPage(prefixes: readonly Prefix[], after: number): ForgottenPage
  /** What else is known by their names. */
  forgetNames(prefixes: readonly Prefix[]): ForgottenNames
  /**
   * Writes the database anew, so that nothing that was ever deleted is in its bytes. Some seconds for a million lockouts, and as much room again.
   * False where that cannot be done now: somebody reads it, or there is no room.
   */
  scour(): boolean
}

/** The same of a history that another thread has. */
export type PatientForgetting = {
  readonly [Call in keyof Forgetting]: (
    ...args: Parameters<Forgetting[Call]>
  ) => Promise<ReturnType<Forgetting[Call]>>
}

/** Rows that are looked at in one piece: some milliseconds. */
const STEP = 2000

const SQL = {
  rows: `SELECT id, source, packet_source, forwarded_to FROM lockout WHERE id > :after ORDER BY id LIMIT ${STEP}`,
  going: `SELECT ${GOING} FROM lockout WHERE id IN (SELECT value FROM json_each(:ids))`,
  last: 'SELECT max(id) AS id FROM lockout',
  sender: 'UPDATE lockout SET packet_source = NULL WHERE id IN (SELECT value FROM json_each(:ids))',
  goal: 'UPDATE lockout SET forwarded_to = NULL WHERE id IN (SELECT value FROM json_each(:ids))',
  sighted: 'SELECT DISTINCT source FROM sighting',
  sampled: 'SELECT source FROM sampled',
  sightings: 'DELETE FROM sighting WHERE source IN (SELECT value FROM json_each(:sources))',
  evidence: 'DELETE FROM sighting_evidence WHERE source IN (SELECT value FROM json_each(:sources))',
  told: 'SELECT id, facts FROM event WHERE facts IS NOT NULL',
  tellings: 'DELETE FROM event WHERE id IN (SELECT value FROM json_each(:ids))',
  samples: 'DELETE FROM sampled WHERE source IN (SELECT value FROM json_each(:sources))',
  // Whatever is deleted from here on is overwritten, also where the database cannot be written anew then.
  overwrite: 'PRAGMA secure_delete = ON',
  checkpoint: 'PRAGMA wal_checkpoint(TRUNCATE)',
} as const

interface Row {
  readonly id: number
  readonly source: Fly
  readonly packet_source: string | null
  readonly forwarded_to: string | null
}

export function openForgetting(
  database: Database,
  pruning: Pick<Pruning, 'removed' | 'changed'>,
): Forgetting {
  const ask = database.prepareAll(SQL)
  const remember = openTotals(database)
  const leaving = openLeaving(database)

  /** Returns how many went. */
  function remove(ids: readonly number[]): number {
    if (ids.length === 0) return 0
    const given = JSON.stringify(ids)
    const going = ask.going.values({ ids: given }) as unknown as Going[]
    const last = ask.last.get()!.id as number
    remember(going)
    leaving.forget(ids)
    pruning.removed(going.filter(([id]) => id !== last).map(([, rank]) => rank))
    return ids.length
  }

  return {
    forgetPage(prefixes, after) {
      ask.overwrite.get()
      const rows = ask.rows.all({ after }) as unknown as Row[]
      const [isTheirs, wanted] = [liesIn(prefixes), prefixSet(prefixes)]
      const gone = rows.filter(({ source }) => isTheirs(source)).map(({ id }) => id)
      const others = rows.filter(({ source }) => !isTheirs(source))
      const sent = others.filter(row => isIn(row.packet_source, wanted)).map(({ id }) => id)
      const bound = others.filter(row => isIn(row.forwarded_to, wanted)).map(({ id }) => id)
      if (gone.length + sent.length + bound.length > 0)
        database.transaction(() => {
          remove(gone)
          ask.sender.run({ ids: JSON.stringify(sent) })
          ask.goal.run({ ids: JSON.stringify(bound) })
        })
      pruning.changed(gone.length)
      const next = rows.length < STEP ? undefined : rows.at(-1)!.id
      return { lockouts: gone.length, senders: new Set([...sent, ...bound]).size, next }
    },
    forgetNames(prefixes) {
      ask.overwrite.get()
      const [isTheirs, wanted] = [liesIn(prefixes), prefixSet(prefixes)]
      const namesOf = (rows: readonly object[]) =>
        JSON.stringify((rows as Row[]).map(({ source }) => source).filter(isTheirs))
      return database.transaction(() => {
        const sighted = { sources: namesOf(ask.sighted.all()) }
        const sightings = ask.sightings.run(sighted)
        ask.evidence.run(sighted)
        const told = (ask.told.all() as unknown as Told[]).filter(({ facts }) => isNamed(facts, wanted))
        ask.tellings.run({ ids: JSON.stringify(told.map(({ id }) => id)) })
        return { sightings, samples: ask.samples.run({ sources: namesOf(ask.sampled.all()) }) }
      })
    },
    scour() {
      try {
        database.prepare('VACUUM').run()
        return ask.checkpoint.get()?.busy === 0
      } catch {
        return false
      }
    },
  }
}

/** What alarms and the like tell is text; at most FACTS_MAX of them are kept. */
interface Told {
  readonly id: number
  readonly facts: string
}

function isNamed(text: string, wanted: PrefixSet): boolean {
  const words = text.match(/[\da-f:.]*[:.][\da-f:.]*[\da-f:]/gi) ?? []
  // A colon at the end is the sentence's, or that of an address that ends with two.
  return words.some(word => isIn(word, wanted) || isIn(word.replace(/:$/, ''), wanted))
}

function isIn(text: string | null, wanted: PrefixSet): boolean {
  const address: Address | undefined = text === null ? undefined : parseAddress(text)
  return address !== undefined && wanted.has(addressKey(address))
}
