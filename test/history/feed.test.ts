/** The feed of a real history: order, positions, what is missing, what is bounded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOTES_MAX, type Note } from '../../src/history/event-rows.ts'
import { FEED_LINES_MAX, SETTLED_MS } from '../../src/history/feed.ts'
import { type History, openHistory } from '../../src/history/history.ts'
import { openLeaving } from '../../src/history/leaving.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Sighting } from '../../src/judge/sightings.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import { batch, fly, HOUR, lockout, SINCE, sourceOf } from './lockouts.ts'

const DAY = 24 * HOUR
const database = () => openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false })
const fresh = () => openHistory(database())
const ARMED: Note = { event: 'armed', capture: 'log', flies: 0, text: 'trap armed' }

interface Line {
  readonly id: string
  readonly at: string
  readonly event: string
  readonly source?: string
  readonly text: string
  readonly [fact: string]: unknown
}

/** Everything behind this position, and where that ends. */
function read(
  history: History,
  after: string,
  { spared = false, dryRun = false, now = SINCE + DAY } = {},
): { lines: Line[]; next: string } {
  const lines: Line[] = []
  for (let next = after; ; ) {
    const page = history.feedPage({ after: next, spared, dryRun }, now)
    lines.push(...page.lines.map(line => JSON.parse(line) as Line))
    next = page.next
    if (page.isEnd) return { lines, next }
  }
}

const short = ({ event, source, lockouts, events }: Line) =>
  [event, source, lockouts, events].filter(fact => fact !== undefined).join(' ')
const told = (history: History, after: string) => read(history, after).lines.map(short)

test('in the order in which it happened, whatever the clock says; each line is a place to go on from', () => {
  using history = fresh()
  history.note(ARMED, SINCE)
  history.add([lockout({ source: '192.0.2.1' }), lockout({ source: '192.0.2.2', since: SINCE - DAY })])
  history.release([fly('192.0.2.1')], { at: SINCE - HOUR, by: 'anna', because: 'freed', counts: false })
  history.add([lockout({ source: '192.0.2.3' })])
  history.prolong([{ source: fly('192.0.2.3'), until: 'forever', by: 'bob', note: 'enough' }], SINCE)
  history.prolong([{ source: fly('192.0.2.3'), until: 'forever' }], SINCE)
  history.note({ event: 'paused', text: 'paused' }, SINCE)
  history.add([lockout({ source: '192.0.2.1', times: 2 })])
  history.release([fly('192.0.2.1')], { at: SINCE, by: 'flypaperd', because: 'no-room', counts: true })
  history.releaseAll({ at: SINCE, by: 'root', because: 'flushed', counts: false })
  const { lines, next } = read(history, 'start')
  const expected = [
    'armed',
    'lockout 192.0.2.1',
    'lockout 192.0.2.2',
    'free 192.0.2.1',
    'lockout 192.0.2.3',
    'prolong 192.0.2.3',
    'paused',
    'lockout 192.0.2.1',
    'free 192.0.2.1',
    'flush',
  ]
  assert.deepEqual(lines.map(short), expected)
  for (const [i, { id }] of lines.entries())
    assert.deepEqual(told(history, id), expected.slice(i + 1), expected[i])
  assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length)
  assert.deepEqual(told(history, next), [])
  assert.deepEqual(told(history, 'now'), [])
  const [, first, , free, , prolong, , , room, flush] = lines
  assert.equal(first!.text, 'lockout 192.0.2.1, who tried TCP-port 20000, for 1h')
  assert.deepEqual(first!.released, {
    at: new Date(SINCE - HOUR).toISOString(),
    by: 'anna',
    because: 'freed',
  })
  assert.deepEqual(first!.tried, { kind: 'tcp', port: 20000, from: 51000, flags: 2 })
  assert.deepEqual([free!.text, free!.because, free!.by], ['free 192.0.2.1 (by anna)', 'freed', 'anna'])
  assert.deepEqual([prolong!.until, prolong!.by, prolong!.note], ['forever', 'bob', 'enough'])
  assert.equal(room!.text, 'free 192.0.2.1 (by flypaperd): no-room')
  assert.deepEqual([flush!.flies, flush!.text], [1, 'flush 1 fly (by root)'])
  assert.equal(read(history, 'start', { dryRun: true }).lines[1]!.event, 'would-lock-out')
})

test('who came back is a lockout and no release; who is no fly is not released', () => {
  using history = fresh()
  history.add([lockout()])
  history.add([lockout({ times: 2 })])
  history.release([fly('192.0.2.9')], { at: SINCE, by: 'anna', because: 'freed', counts: false })
  history.release([fly('69.0.231.79')], {
    at: SINCE + 2 * HOUR,
    by: 'anna',
    because: 'freed',
    counts: false,
  })
  assert.deepEqual(told(history, 'start'), ['lockout 69.0.231.79', 'lockout 69.0.231.79'])
})

test('page by page, while others write: nothing is missing, nothing comes twice', () => {
  using history = fresh()
  const seen: string[] = []
  let after = 'start'
  for (let round = 0; round < 12; round++) {
    history.add(batch(round * 700, 700))
    history.release([sourceOf(round * 700)], { at: SINCE, by: 'anna', because: 'freed', counts: false })
    const page = history.feedPage({ after, spared: false, dryRun: false }, SINCE)
    assert.ok(page.lines.length <= FEED_LINES_MAX)
    assert.equal(page.isEnd, page.lines.length < FEED_LINES_MAX)
    seen.push(...page.lines.map(line => short(JSON.parse(line))))
    after = page.next
  }
  seen.push(...told(history, after))
  const rounds = Array.from({ length: 12 }, (_, round) => [
    ...batch(round * 700, 700).map(({ source }) => `lockout ${source}`),
    `free ${sourceOf(round * 700)}`,
  ])
  assert.deepEqual(seen, rounds.flat())
})

test('a full page is no end, and the one behind it may be empty', () => {
  using history = fresh()
  history.add(batch(0, 2 * FEED_LINES_MAX))
  const ends: [number, boolean][] = []
  for (let after = 'start'; ends.length < 3; ) {
    const page = history.feedPage({ after, spared: false, dryRun: false }, SINCE)
    ends.push([page.lines.length, page.isEnd])
    after = page.next
  }
  assert.deepEqual(ends, [
    [FEED_LINES_MAX, false],
    [FEED_LINES_MAX, false],
    [0, true],
  ])
})

test('what was pruned before it was read is a gap, counted; what was read before, or had gone before the reader came, is none', () => {
  using history = fresh()
  history.add(batch(0, 10))
  const early = read(history, 'start').lines[3]!.id
  history.release([sourceOf(8)], { at: SINCE + 1, by: 'anna', because: 'freed', counts: false })
  history.add([lockout({ source: '192.0.2.1', until: 'forever' })])
  const late = read(history, 'start').next
  history.add(batch(20, 5))
  history.prune({ keepMs: HOUR, most: 1000 }, SINCE + DAY)
  const left = ['lockout 192.0.2.1', 'gap 4', `lockout ${sourceOf(24)}`]
  assert.deepEqual(told(history, early), ['gap 6', ...left, 'gap 1'])
  assert.deepEqual(told(history, late), left.slice(1))
  assert.deepEqual(told(history, 'start'), [left[0], left[2]])
  // Also by pages, and resumed in the middle.
  const { lines } = read(history, 'start')
  assert.deepEqual(told(history, lines[0]!.id), [left[2]])
  const gap = read(history, early).lines[0]!
  assert.deepEqual(
    [gap.why, gap.lockouts, gap.text],
    ['pruned', 6, '6 lockouts cannot be told: the history has forgotten them'],
  )
  assert.deepEqual(told(history, gap.id), [...left, 'gap 1'])
  // The control: whoever reads in time has no gap.
  history.add(batch(30, 5))
  assert.deepEqual(told(history, read(history, late).lines.at(-6)!.id).length, 5)
})

test('the number of a lockout is not used again, whatever is pruned and forgotten', () => {
  const opened = database()
  using history = openHistory(opened)
  history.add(batch(0, 3))
  const { next } = read(history, 'start')
  history.prune({ keepMs: HOUR, most: 1000 }, SINCE + DAY)
  history.add([lockout({ source: '192.0.2.1' })])
  assert.deepEqual(told(history, next), ['lockout 192.0.2.1'])

  const leaving = openLeaving(opened)
  const behind = read(history, next).lines.at(-1)!.id
  const before = read(history, 'start').next
  const [row] = history.newest(1)
  history.note({ event: 'alarm', text: 'somebody has put 192.0.2.1 into flypaper' }, SINCE)
  history.note(ARMED, SINCE)
  leaving.forget([row!.id])
  history.forgetNames([parsePrefix('192.0.2.1')!])
  assert.doesNotMatch(JSON.stringify(read(history, 'start').lines), /192\.0\.2\.1/)
  assert.deepEqual(told(history, before), ['gap 1', 'armed'], 'of the reader who had not read the alarm')
  assert.deepEqual(told(history, behind), ['gap 1', 'armed'])
  assert.deepEqual(told(history, next), ['gap 1', 'gap 1', 'armed'], 'nor the lockout')
  assert.deepEqual(told(history, 'start'), [`lockout ${sourceOf(2)}`, 'armed'], 'of whoever begins')
  const after = read(history, 'start').next
  history.add([lockout({ source: '192.0.2.2' })])
  assert.deepEqual(told(history, after), ['lockout 192.0.2.2'])
  leaving.forget([])
  assert.ok(!history.newest(9).some(({ source }) => source === '0.0.0.0'), 'the empty row goes')
  assert.deepEqual(told(history, after), ['lockout 192.0.2.2'])
})

test('another history, or an older copy of this one, is a gap, and told from its beginning', () => {
  using history = fresh()
  history.add(batch(0, 3))
  const { next } = read(history, 'start')
  using other = fresh()
  other.note(ARMED, SINCE)
  other.add([lockout()])
  const lines = read(other, next).lines
  assert.deepEqual(lines.map(short), ['gap', 'armed', 'lockout 69.0.231.79'])
  assert.equal(lines[0]!.why, 'renewed')
  for (const [i, { id }] of lines.entries()) assert.deepEqual(told(other, id), lines.slice(i + 1).map(short))
  // The same epoch, with less in it.
  const [epoch, , ...rest] = next.split('-')
  assert.equal(read(history, [epoch, '9', ...rest].join('-')).lines[0]!.why, 'renewed')
  assert.deepEqual(told(history, next), [], 'the control')
})

test('notes are bounded: the newest stay, the others are a gap for whoever has not read them', () => {
  using history = fresh()
  const begin = read(history, 'now').next
  history.add([lockout()])
  for (let n = 0; n < NOTES_MAX + 2000; n++) history.note({ event: 'alarm', text: `${n}` }, SINCE)
  history.release([fly('69.0.231.79')], { at: SINCE, by: 'anna', because: 'freed', counts: false })
  const lines = read(history, begin).lines
  const alarms = lines.filter(({ event }) => event === 'alarm')
  assert.ok(alarms.length <= NOTES_MAX && alarms.length >= NOTES_MAX * 0.9, `${alarms.length}`)
  assert.equal(alarms.at(-1)!.text, `${NOTES_MAX + 1999}`)
  const [, gap] = lines
  assert.deepEqual([gap!.event, gap!.events], ['gap', NOTES_MAX + 2000 - alarms.length])
  assert.equal(lines.at(-1)!.event, 'free')
  assert.equal(told(history, 'start').filter(line => line.startsWith('gap')).length, 0)
})

test('events go with their lockouts', () => {
  const opened = database()
  using history = openHistory(opened)
  history.add(batch(0, 100))
  history.release(
    batch(0, 100).map(({ source }) => source),
    { at: SINCE + 1, by: 'anna', because: 'freed', counts: false },
  )
  const rows = () => opened.prepare('SELECT count(*) AS rows FROM event').get()!.rows
  assert.equal(rows(), 100)
  history.prune({ keepMs: HOUR, most: 1000 }, SINCE + DAY)
  assert.equal(rows(), 1, 'that of the newest stays with it')
})

const sighting = (n: number, last: number, count = 1): Sighting => ({
  source: sourceOf(n),
  because: 'near',
  count,
  first: last,
  last,
  tried: { kind: 'tcp', port: 81, flags: 2 },
})

test('who was let go: summed up, by the time when it was last, when that is over; a page at a time', () => {
  using history = fresh()
  const now = SINCE + DAY
  const begin = read(history, 'now', { now: SINCE }).next
  history.addSightings([sighting(1, SINCE + 10), sighting(2, SINCE + 20), sighting(3, now - SETTLED_MS + 1)])
  const spared = (after: string, at = now) => read(history, after, { spared: true, now: at })
  const first = spared(begin)
  assert.deepEqual(
    first.lines.map(line => [short(line), line.count]),
    [
      [`spared ${sourceOf(1)}`, 1],
      [`spared ${sourceOf(2)}`, 1],
    ],
  )
  assert.match(first.lines[0]!.text, /^spared 10\.0\.0\.1, who tried TCP-port 81: /)
  assert.deepEqual(spared(first.lines[0]!.id).lines.map(short), [`spared ${sourceOf(2)}`])
  assert.deepEqual(read(history, begin).lines, [], 'only when it is wanted')
  history.addSightings([sighting(1, SINCE + 30, 4)])
  assert.deepEqual(
    spared(first.next).lines.map(({ source, count }) => [source, count]),
    [[sourceOf(1), 5]],
  )
  assert.equal(spared(first.next, now + 1).lines.length, 2)
  assert.deepEqual(spared(spared(first.next, now + 1).next, now + 1).lines, [])
})

test('more of them than a page has: those of one millisecond stay together, and of too many the others are counted', () => {
  using history = fresh()
  const begin = read(history, 'now', { now: SINCE }).next
  history.addSightings(Array.from({ length: 200 }, (_, n) => sighting(n, SINCE + 1)))
  history.addSightings(Array.from({ length: 200 }, (_, n) => sighting(1000 + n, SINCE + 2)))
  history.addSightings(Array.from({ length: 700 }, (_, n) => sighting(2000 + n, SINCE + 3)))
  const seen: Line[][] = []
  for (let after = begin; seen.length < 4; ) {
    const page = read(history, after, { spared: true })
    seen.push(page.lines)
    after = page.next
  }
  assert.deepEqual(
    seen.map(lines => lines.filter(({ event }) => event === 'spared').length),
    [200, 200, FEED_LINES_MAX, 0],
  )
  const gap = seen[2]!.at(-1)!
  assert.deepEqual([gap.event, gap.spared, gap.why], ['gap', 700 - FEED_LINES_MAX, 'too-many'])
  // Who resumes in the middle of a millisecond is told all of it again.
  assert.equal(read(history, seen[0]![10]!.id, { spared: true }).lines.length, 200)
})

test('a clock that was set back: who is let go now is told', () => {
  using history = fresh()
  const { next } = read(history, 'now', { now: SINCE + 10 * DAY })
  history.addSightings([sighting(1, SINCE + 10)])
  const later = read(history, next, { spared: true, now: SINCE }).next
  history.addSightings([sighting(2, SINCE + 20)])
  assert.deepEqual(read(history, later, { spared: true, now: SINCE + DAY }).lines.map(short), [
    `spared ${sourceOf(1)}`,
    `spared ${sourceOf(2)}`,
  ])
})

test('a row that means nothing is told as that, and keeps nobody from what comes behind it', () => {
  const opened = database()
  using history = openHistory(opened)
  history.add(batch(0, 3))
  history.note(ARMED, SINCE)
  opened.prepare("UPDATE lockout SET tried = 'what' WHERE id = 2").run()
  opened.prepare("UPDATE event SET facts = '{'").run()
  const events = read(history, 'start').lines.map(({ event, why }) => why ?? event)
  assert.deepEqual(events, ['lockout', 'unreadable', 'lockout', 'unreadable'])
})
