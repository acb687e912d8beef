/**
 * The feed: what the history has, in the order in which it happened, from wherever a reader was. It is a cursor and no buffer: a reader who is
 * away, or slow, costs nothing, and finds all that is still there (docs/decisions/0077-a-feed-that-can-be-resumed.md).
 *
 * Lockouts are rows with numbers that are used once; what else happens is a row of table event, which knows behind which lockout it stands.
 * So the order needs no clock. Numbers follow each other without a gap when they are given: where one is missing, something was lost.
 */
import type { Sighting } from '../judge/sightings.ts'
import type { Database, Row } from './database.ts'
import { eventLine, gapLine, lockoutLine, type Missing, sparedLine } from './feed-lines.ts'
import { NOW, type Position, positionOf, positionText, START } from './feed-position.ts'
import { openSightingsBetween } from './sightings.ts'

export interface FeedAsked {
  /** `start`, `now`, or the id of a line. */
  readonly after: string
  /** Whether those who were let go are told, too. */
  readonly spared: boolean
  readonly dryRun: boolean
}

export interface FeedPage {
  /** JSON, without the end of the line. */
  readonly lines: readonly string[]
  /** To be asked with for what comes behind them. */
  readonly next: string
  /** Nothing was left behind them but who was let go. */
  readonly isEnd: boolean
}

export interface Feed {
  feedPage(asked: FeedAsked, now: number): FeedPage
}

/** Lines of one page, some 400 bytes each; gaps come on top, at most one before each. */
export const FEED_LINES_MAX = 250
/** Who was let go is told when it is so old: what is gathered for a second is written by then, and no millisecond is torn apart. */
export const SETTLED_MS = 2000

/** The last numbers that were given. */
interface Last {
  readonly lockout: number
  readonly event: number
}

const SQL = {
  epoch: `SELECT value ->> '$.epoch' AS epoch FROM meta WHERE key = 'feed' AND json_valid(value)`,
  last: `SELECT coalesce((SELECT max(id) FROM lockout), 0) AS lockout,
           coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0) AS event`,
  // Before the first, and how many there are.
  first: `SELECT (SELECT min(id) - 1 FROM lockout) AS lockout, (SELECT min(id) - 1 FROM event) AS event,
            (SELECT count(*) FROM lockout) AS lockouts, (SELECT count(*) FROM event) AS events`,
  lockouts: 'SELECT * FROM lockout WHERE id > :after ORDER BY id LIMIT :most',
  events: `SELECT event.id, after, at, facts, source, released_by, released_because FROM event
           LEFT JOIN lockout ON lockout.id = lockout WHERE event.id > :after ORDER BY event.id LIMIT :most`,
  sharing: 'SELECT count(*) AS sightings FROM sighting WHERE last = :last',
} as const

/** What takes the place of the newest lockout where that was forgotten (leaving.ts). */
export const NOBODY = '0.0.0.0'

export function openFeed(database: Database): Feed {
  const ask = database.prepareAll(SQL)
  const between = openSightingsBetween(database)

  function begin(epoch: string, last: Last): Position {
    const first = ask.first.get() as {
      lockout: number | null
      event: number | null
      lockouts: number
      events: number
    }
    const before = { lockout: first.lockout ?? last.lockout, event: first.event ?? last.event }
    const since = { ...last, lockouts: first.lockouts, events: first.events }
    return { epoch, ...before, seen: 0, since }
  }

  /** Where that is now, and whether it is the history that the id is of. */
  function placeOf(after: string, now: number): { readonly from: Position; readonly isOther: boolean } {
    const epoch = (ask.epoch.get()?.epoch as string | undefined) ?? '0'.repeat(16)
    const last = ask.last.get() as unknown as Last
    if (after === NOW) return { from: { epoch, ...last, seen: now }, isOther: false }
    const from = after === START ? undefined : positionOf(after)
    const isThis = from?.epoch === epoch && from.lockout <= last.lockout && from.event <= last.event
    // Where the clock was set back, nobody is seen for a while who was not told.
    if (isThis) return { from: { ...from, seen: Math.min(from.seen, now) }, isOther: false }
    return { from: begin(epoch, last), isOther: after !== START }
  }

  function sparedAfter(page: Pages, most: number, now: number): void {
    const found = between(page.at.seen, now - SETTLED_MS, most + 1)
    const torn = found.length > most ? found[most]!.last : undefined
    const whole = found.filter(({ last }) => last !== torn)
    const isTorn = torn !== undefined && whole.length === 0
    page.spared(isTorn ? found.slice(0, most) : whole)
    if (isTorn) page.gap({ spared: (ask.sharing.get({ last: torn })?.sightings as number) - most })
  }

  return {
    feedPage({ after, spared, dryRun }, now) {
      const { from, isOther } = placeOf(after, now)
      const page = openPage(from, { dryRun, now })
      if (isOther) page.gap('renewed')
      const most = FEED_LINES_MAX
      const lockouts = ask.lockouts.all({ after: from.lockout, most })
      const events = ask.events.all({ after: from.event, most }) as unknown as readonly EventRow[]
      const isEnd = page.merge(lockouts, events, ask.last.get() as unknown as Last)
      if (isEnd && spared && page.room() > 0) sparedAfter(page, page.room(), now)
      return { lines: page.lines, next: positionText(page.at), isEnd }
    },
  }
}

interface EventRow {
  readonly id: number
  readonly after: number
  readonly at: number
  readonly facts: string | null
  /** null: of a lockout that is gone. */
  readonly source: string | null
  readonly released_by: string
  readonly released_because: string
}

type Pages = ReturnType<typeof openPage>

/** The lines of a page are put together: each moves the position on. */
function openPage(from: Position, { dryRun, now }: { readonly dryRun: boolean; readonly now: number }) {
  const lines: string[] = []
  let at = from
  let taken = 0

  function move(to: Partial<Position>): string {
    at = { ...at, ...to }
    return positionText(at)
  }

  function gap(missing: Missing): void {
    lines.push(gapLine(positionText(at), now, missing))
  }

  /** What is missing before these rows, but for what had gone before the reader came. */
  function skip(to: Partial<Last>): void {
    const { since } = at
    const lockouts = (to.lockout ?? at.lockout) - Math.max(at.lockout, since?.lockout ?? 0)
    const events = (to.event ?? at.event) - Math.max(at.event, since?.event ?? 0)
    move(to)
    const missing = { lockouts: Math.max(0, lockouts), events: Math.max(0, events) }
    if (since !== undefined && at.lockout >= since.lockout) missing.lockouts += since.lockouts
    if (since !== undefined && at.event >= since.event) missing.events += since.events
    if (missing.lockouts + missing.events === 0) return
    if (since !== undefined)
      move({
        since: {
          ...since,
          ...(at.lockout >= since.lockout && { lockouts: 0 }),
          ...(at.event >= since.event && { events: 0 }),
        },
      })
    gap(missing)
  }

  /** Tells whether it is one of those that there were at the start. */
  function found(which: 'lockout' | 'event', id: number): boolean {
    skip({ [which]: id - 1 })
    const { since } = at
    const more = `${which}s` as const
    const isOld = since !== undefined && id <= since[which]
    move({ [which]: id, ...(isOld && { since: { ...since, [more]: since[more] - 1 } }) })
    return isOld
  }

  function takeLockout(row: Row): void {
    const isOld = found('lockout', row.id as number)
    const isForgotten = row.source === NOBODY
    if (isForgotten && !isOld) gap({ lockouts: 1, events: 0 })
    if (isForgotten) return
    lines.push(lockoutLine(positionText(at), row, dryRun))
    taken++
  }

  function takeEvent(row: EventRow): void {
    found('event', row.id)
    lines.push(eventLine(positionText(at), row))
    taken++
  }

  /** Tells whether all were taken that there are. */
  function merge(lockouts: readonly Row[], events: readonly EventRow[], last: Last): boolean {
    const known = events.filter(({ facts, source }) => facts !== null || source !== null)
    let [l, e] = [0, 0]
    while (taken < FEED_LINES_MAX && (l < lockouts.length || e < known.length)) {
      const [lockout, event] = [lockouts[l], known[e]]
      if (event !== undefined && (lockout === undefined || event.after < (lockout.id as number))) {
        takeEvent(event)
        e++
      } else {
        takeLockout(lockout!)
        l++
      }
    }
    if (l < lockouts.length || e < known.length) return false
    // What was read and not told is gone; behind it there may be more.
    const isRead = lockouts.length < FEED_LINES_MAX && events.length < FEED_LINES_MAX
    const read = (rows: readonly { readonly id?: unknown }[], last: number) =>
      rows.length < FEED_LINES_MAX ? last : (rows.at(-1)!.id as number)
    skip({ lockout: read(lockouts, last.lockout), event: read(events, last.event) })
    return isRead
  }

  return {
    lines,
    get at() {
      return at
    },
    room: () => FEED_LINES_MAX - taken,
    gap,
    merge,
    spared(sightings: readonly Sighting[]) {
      for (const [i, sighting] of sightings.entries()) {
        // Who resumes in the middle of a millisecond is told all of it.
        const isLast = sightings[i + 1]?.last !== sighting.last
        lines.push(sparedLine(isLast ? move({ seen: sighting.last }) : positionText(at), sighting))
        taken++
      }
    },
  }
}
