/** What was done to flies besides packets, done to those that there would be. */
import { commit } from '../lockout/commit.ts'
import { decision, leaving } from '../lockout/decide/decision.ts'
import { endOf, type Lockout } from '../lockout/lockout.ts'
import { lastLookOf } from '../lockout/trying.ts'
import type { Settings } from '../settings/settings.ts'
import { type Fly, meets, prefixOf } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import type { Middle } from './middle.ts'
import type { Visits } from './visits.ts'

export const EVERYBODY = ['0.0.0.0/0', '::/0'] as Fly[]
/** The last look comes some time after it is due. */
const SLACK_MS = 5000

interface Replaying {
  readonly middle: Middle
  readonly happened: Visits
  readonly would: Visits
  /** Who is held until when, in milliseconds since the epoch. */
  readonly held: Map<Fly, number>
  readonly settings: Settings
}

export function deedsOf({ middle, happened, would, held, settings }: Replaying) {
  function free(sources: readonly Fly[], at: number): void {
    const { state, ledger } = middle.weighing
    const wanted = prefixSet(sources.map(prefixOf))
    const flies = [...state.flies.matching(wanted, at)].flat()
    const release = { at, by: 'somebody', because: 'freed', counts: false }
    commit(decision({ leave: leaving(flies, release) }), ledger, at)
    const heldThen = [...held].flatMap(([fly, end]) => (end > at ? [fly] : []))
    const those = [...flies, ...heldThen.filter(fly => meets(fly, wanted))]
    state.memory.forget(those)
    would.end(those, at)
    happened.end(
      [...happened.of.keys()].filter(fly => meets(fly, wanted)),
      at,
    )
    for (const fly of those) held.delete(fly)
  }

  function lockByHand(source: Fly, end: number | 'forever', at: number): void {
    const { state, ledger } = middle.weighing
    for (const visits of [happened, would]) {
      const visit = visits.last(source, at)
      if (visit !== undefined) visit.until = end
    }
    const isFly = state.flies.get(source, at) !== undefined
    const lockout: Lockout = { source, because: 'by-hand', grade: 'by-hand', since: at, until: end, times: 1 }
    const by = 'somebody'
    commit(
      decision(isFly ? { prolong: [{ source, until: end, by }] } : { adopt: [{ ...lockout, by }] }),
      ledger,
      at,
    )
  }

  /**
   * In fact it went on trying until its end: where its end is the same by these settings, it goes on by them as well. False: nobody knows whether it
   * would.
   */
  function goOn(source: Fly, end: number | 'forever', at: number): boolean {
    const before = happened.last(source, at)
    if (before !== undefined) before.until = end
    const visit = would.last(source, at)
    const stretch = middle.stretchOf(source)
    const isOlder = visit === undefined && middle.weighing.state.flies.get(source, at) !== undefined
    if (isOlder) commit(decision({ prolong: [{ source, until: end }] }), middle.weighing.ledger, at)
    if (visit === undefined || stretch === undefined || visit.until === 'forever') return true
    const isDue = at >= lastLookOf(visit.until, stretch) - SLACK_MS
    const longest = endOf(
      settings.lockout.longestForgeable === 'forever' ? 'forever' : settings.lockout.longestForgeable * 1000,
    )
    if (isDue && settings.lockout.whileTrying && visit.until + stretch - visit.since <= longest) {
      visit.until += stretch
      const prolong = [{ source, until: visit.until }]
      commit(decision({ prolong }), middle.weighing.ledger, at)
    }
    return isDue
  }

  return { free, lockByHand, goOn }
}
