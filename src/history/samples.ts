/**
 * Which ports flies went on to try, as far as the kernel told (lockout/samples.ts). One row a fly, of a bounded number of ports; the rows of
 * whoever was seen longest ago make room.
 */
import { SAMPLED_PORTS_MAX, type Sample } from '../lockout/samples.ts'
import type { Database } from './database.ts'
import { count, TOP } from './top.ts'

/** What is known of one source: of its last lockout in which it was seen. */
export type AlsoTried = Pick<Sample, 'last' | 'ports'>

export interface Samples {
  /** Adds to what is known of the same lockouts. */
  addSamples(samples: readonly Sample[]): void
  /** Of the first of these names that is known. */
  sampleOf(names: readonly string[]): AlsoTried | undefined
  /** Ports that most sources tried, of those that were seen since then. */
  sampledSince(since: number): { readonly what: string; readonly sources: number }[]
  /** Forgets who was seen longer ago. */
  forgetSamples(before: number): void
}

/** Rows that are kept, of some 100 to 400 bytes. */
export const SAMPLED_SOURCES_MAX = 10_000

const SQL = {
  of: 'SELECT last, ports FROM sampled WHERE source = :source',
  write: `INSERT INTO sampled VALUES (:source, :last, :ports)
          ON CONFLICT DO UPDATE SET last = excluded.last, ports = excluded.ports`,
  since: 'SELECT ports FROM sampled WHERE last >= :since',
  rows: 'SELECT count(*) AS rows FROM sampled',
  trim: 'DELETE FROM sampled WHERE last <= (SELECT last FROM sampled ORDER BY last DESC LIMIT 1 OFFSET :keep)',
  forget: 'DELETE FROM sampled WHERE last < :before',
} as const

export function openSamples(database: Database, most = SAMPLED_SOURCES_MAX): Samples {
  const { of, write, since, rows, trim, forget } = database.prepareAll(SQL)
  let added = Number.POSITIVE_INFINITY

  function known(source: string): AlsoTried | undefined {
    const row = of.get({ source }) as { last: number; ports: string } | undefined
    return row && { last: row.last, ports: row.ports.split(' ') }
  }

  return {
    addSamples(samples) {
      if (samples.length === 0) return
      database.transaction(() => {
        for (const { source, since, last, ports } of samples) {
          const before = known(source)
          const all = new Set(before !== undefined && before.last >= since ? before.ports : [])
          for (const port of ports) if (all.size < SAMPLED_PORTS_MAX) all.add(port)
          write.run({ source, last, ports: [...all].join(' ') })
        }
        added += samples.length
        // As with sightings: counted only as often as there can be a tenth more.
        if (added < most / 10) return
        added = 0
        if ((rows.get()?.rows as number) > most) trim.run({ keep: Math.floor(most * 0.9) })
      })
    },
    sampleOf(names) {
      for (const name of names) {
        const found = known(name)
        if (found !== undefined) return found
      }
      return undefined
    },
    sampledSince(from) {
      const counts = new Map<string, number>()
      for (const { ports } of since.all({ since: from }))
        for (const port of (ports as string).split(' ')) count(counts, port)
      return [...counts]
        .map(([what, sources]) => ({ what, sources }))
        .sort((one, other) => other.sources - one.sources || (one.what < other.what ? -1 : 1))
        .slice(0, TOP)
    },
    forgetSamples: before => void forget.run({ before }),
  }
}
