/** The daemon answers list, why and report from the history, piece by piece: packets and the daemon's own questions come between. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Firewall } from '../../arm/firewall.ts'
import type { LockoutRow } from '../../history/lockout-row.ts'
import type { PastReading } from '../../history/reading.ts'
import type { Told } from '../../history/reports.ts'
import type { Settings } from '../../settings/settings.ts'
import { knownOf, type NamedFact } from '../known.ts'
import { factsOfFly, factsOfKnown, factsOfRow } from '../lockout-facts.ts'
import type { Reachable } from '../reachable.ts'
import { prefixesOf } from './freeing.ts'
import {
  LIST_PIECES_MAX,
  LISTED_MAX,
  type ListAnswer,
  type ListQuery,
  type ReportAnswer,
  type ReportQuery,
  type WhyAnswer,
  type WhyQuery,
} from './past-protocol.ts'
import type { DaemonStatus } from './status-protocol.ts'
import { oneAfterAnother, rested } from './turns.ts'

export interface Past {
  list(query: ListQuery): Promise<ListAnswer>
  why(query: WhyQuery): Promise<WhyAnswer>
  report(query: ReportQuery): Promise<ReportAnswer>
}

export interface PastWorld {
  readonly reading: PastReading
  readonly firewall: Firewall
  readonly now: () => number
  settings(): Settings
  reachable(): Reachable
  names(): readonly NamedFact[]
  counts(): Pick<DaemonStatus['counts'], 'lost' | 'overruns'>
}

const WEEK_MS = 7 * 86_400_000

export function openPast({ firewall, now, settings, reachable, names, counts, ...world }: PastWorld): Past {
  const reading = resting(world.reading)
  // One at a time: the sums of a million lockouts take some 35 MB while they are made.
  const sums = oneAfterAnother()

  async function sumsOf(since: number): Promise<Told> {
    let told: Told | undefined
    for await (const piece of reading.sums(since)) told = piece
    return told!
  }

  return {
    async list({ who, before, ...filter }) {
      const asked = { ...filter, within: who && prefixesOf(who) }
      const [at, still] = [now(), reachable()]
      const rows: LockoutRow[] = []
      let next = before
      for (let pieces = 0; pieces < LIST_PIECES_MAX && rows.length < LISTED_MAX; pieces++) {
        const page = await reading.selectPage(asked, at, next)
        rows.push(...page.rows)
        next = page.next
        if (next === undefined) break
      }
      const facts = filter.past ? factsOfRow : (row: LockoutRow) => factsOfFly(row, still)
      return { flies: rows.map(facts), ...(next !== undefined && { next }) } as ListAnswer
    },
    async why({ who }) {
      const [prefix] = prefixesOf([who])
      const known = await knownOf(who, prefix!, {
        reading,
        settings: settings(),
        reachable: reachable(),
        names: names(),
        now: now(),
        kernel: ask => ask(firewall),
      })
      const { threshold, reachable: still } = known
      const answer: object = { ...factsOfKnown(known), threshold, reachable: still }
      return answer as WhyAnswer
    },
    async report({ since = Math.max(0, now() - WEEK_MS) }) {
      const told = await sums(() => sumsOf(since))
      const { lost, overruns } = counts()
      return { since: iso(since), until: iso(now()), ...told, overflow: { lost, overruns } } as ReportAnswer
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function resting(reading: PastReading): PastReading {
  return {
    selectPage: (...args) => rested(() => reading.selectPage(...args)),
    storyPage: (...args) => rested(() => reading.storyPage(...args)),
    sightingsOf: names => reading.sightingsOf(names),
    sampleOf: names => reading.sampleOf(names),
    async *sums(since) {
      let began = performance.now()
      for await (const piece of reading.sums(since)) {
        await sleep(performance.now() - began)
        yield piece
        began = performance.now()
      }
    },
  }
}
