/** The lines of the feed: JSON, with the facts that the log tells, and its sentence. */
import type { Sighting } from '../judge/sightings.ts'
import { facts, lockoutFacts, sentence } from '../log/sentence.ts'
import { escapeText, jsonText } from '../terms/escape.ts'
import type { Row } from './database.ts'
import { lockoutOf } from './row.ts'

/** Why something is missing: it is another history, or so many were pruned or forgotten before they were read. */
export type Missing =
  | 'renewed'
  | { readonly lockouts: number; readonly events: number }
  | { readonly spared: number }

/** As it is now: with the end that it has by now, and how it ended. */
export function lockoutLine(id: string, row: Row, dryRun: boolean): string {
  return readable(id, row.since as number, () => {
    const { id: _, released, ...lockout } = lockoutOf(row)
    const event = dryRun ? 'would-lock-out' : 'lockout'
    return {
      event,
      ...lockoutFacts(lockout),
      ...(released && { released: { ...released, at: iso(released.at) } }),
      text: sentence({ event, lockout }),
    }
  })
}

export function eventLine(
  id: string,
  row: {
    readonly at: number
    readonly facts: string | null
    readonly source: string | null
    readonly released_by: string
    readonly released_because: string
  },
): string {
  const { facts } = row
  if (facts !== null) return readable(id, row.at, () => JSON.parse(facts))
  const { released_by: by, released_because: because } = row
  const source = row.source!
  const why = because === 'freed' ? '' : `: ${escapeText(because)}`
  return lineOf(id, row.at, {
    event: 'free',
    source,
    by,
    because,
    text: `${sentence({ event: 'free', source, by })}${why}`,
  })
}

export function sparedLine(id: string, sighting: Sighting): string {
  const event = { event: 'spared', sighting } as const
  return lineOf(id, sighting.last, { ...facts(event), text: sentence(event) })
}

export function gapLine(id: string, now: number, missing: Missing): string {
  if (missing === 'renewed')
    return lineOf(id, now, {
      event: 'gap',
      why: 'renewed',
      text: 'this is another history than the one that was read: it is told from its beginning',
    })
  const lost = Object.entries(missing).filter(([, number]) => number > 0)
  const what = lost.map(([what, number]) => (what === 'spared' ? `${number} let go` : `${number} ${what}`))
  return lineOf(id, now, {
    event: 'gap',
    why: 'spared' in missing ? 'too-many' : 'pruned',
    ...Object.fromEntries(lost),
    text: `${what.join(' and ')} cannot be told: ${'spared' in missing ? 'there were too many at once' : 'the history has forgotten them'}`,
  })
}

/** What means nothing is told as what it is, and keeps nobody from what comes behind it. */
function readable(id: string, at: number, read: () => object): string {
  try {
    return lineOf(id, at, read())
  } catch (error) {
    return lineOf(id, at, { event: 'gap', why: 'unreadable', text: String(error) })
  }
}

function lineOf(id: string, at: number, facts: object): string {
  return jsonText({ id, at: iso(at), ...facts })
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
