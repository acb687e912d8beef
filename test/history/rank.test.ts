import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type History, openHistory } from '../../src/history/history.ts'
import { RANKS, surplusOf } from '../../src/history/rank.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { batch, HOUR, SINCE, sourceOf } from './lockouts.ts'

const DAY = 24 * HOUR
const LATER = SINCE + 30 * DAY
const MOST = 10_000
const QUARTER = MOST / 4
const RELEASE = { at: SINCE + 1000, by: 'anna', because: 'freed', counts: false }

function fresh(): History {
  return openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
}

function pruneAll(history: History, now = LATER, most = MOST): void {
  for (let slices = 0; history.prune({ keepMs: Number.POSITIVE_INFINITY, most }, now).more; slices++)
    assert.ok(slices < 10_000, 'it comes to an end')
}

/** Of these lockouts, the hand's without what only a packet has. */
function byHand(
  { tried: _, packetSource: __, hook: ___, ...one }: Lockout,
  changes: Partial<Lockout>,
): Lockout {
  return { ...one, because: 'by-hand', ...changes }
}

/** One of many kinds of `size` each, from the n-th source on. */
const KINDS: Record<string, (history: History, first: number, size: number) => void> = {
  'by hand': (history, first, size) =>
    history.add(batch(first, size).map(one => byHand(one, { by: 'anna', note: 'enough' }))),
  'freed by a person': (history, first, size) => {
    history.add(batch(first, size))
    history.release(
      batch(first, size).map(one => one.source),
      RELEASE,
    )
  },
  'prolonged by a person': (history, first, size) => {
    history.add(batch(first, size))
    history.prolong(
      batch(first, size).map(({ source, until }) => ({ source, until, by: 'anna' })),
      SINCE,
    )
  },
  'several ports of whom we know': (history, first, size) =>
    history.add(
      batch(first, size).map(one => ({ ...one, because: 'distinct-ports', grade: 'forgeable-known' })),
    ),
  'several ports of strangers': (history, first, size) =>
    history.add(batch(first, size).map(one => ({ ...one, because: 'distinct-ports' }))),
  repeaters: (history, first, size) => {
    history.add(batch(first, size))
    history.add(batch(first, size).map(one => ({ ...one, since: one.since + 2 * HOUR, times: 2 })))
  },
  singles: (history, first, size) => history.add(batch(first, size)),
  'singles that found no room': (history, first, size) => {
    history.add(batch(first, size))
    const noRoom = { ...RELEASE, by: 'flypaperd', because: 'no-room', counts: true }
    history.release(
      batch(first, size).map(one => one.source),
      noRoom,
    )
  },
  'singles that flypaperd let go': (history, first, size) => {
    history.add(batch(first, size))
    history.release(
      batch(first, size / 2).map(one => one.source),
      { ...RELEASE, by: 'flypaperd' },
    )
    history.release(
      batch(first, size).map(one => one.source),
      { ...RELEASE, by: 'the never-list' },
    )
  },
  'singles that a person flushed': (history, first, size) => {
    history.add(batch(first, size))
    history.release(
      batch(first, size).map(one => one.source),
      { ...RELEASE, because: 'flushed' },
    )
  },
  'from a damaged history': (history, first, size) =>
    history.add(batch(first, size).map(one => byHand(one, { note: 'the reason was lost' }))),
  'found in the kernel’s set': (history, first, size) =>
    history.add(batch(first, size).map(one => byHand(one, { by: 'hand' }))),
}

const SOURCES = 100_000
/** How many rows are left of the `size` sources from the n-th on. */
function left(history: History, first: number, size: number): number {
  const names = new Set(batch(first, size).map(one => one.source))
  return history.newest(SOURCES).filter(({ source }) => names.has(source)).length
}

/** Who floods, and who must still be there after it, or must not. */
const FLOODS: [
  flood: keyof typeof KINDS,
  spared: (keyof typeof KINDS)[],
  displaced: (keyof typeof KINDS)[],
][] = [
  [
    'singles',
    [
      'by hand',
      'freed by a person',
      'prolonged by a person',
      'several ports of whom we know',
      'repeaters',
      'found in the kernel’s set',
    ],
    ['singles', 'singles that found no room'],
  ],
  [
    'singles that found no room',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know', 'repeaters'],
    ['singles'],
  ],
  [
    'singles that flypaperd let go',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know', 'repeaters'],
    ['singles'],
  ],
  [
    'singles that a person flushed',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know', 'repeaters'],
    ['singles'],
  ],
  // The same forged sources twice.
  [
    'repeaters',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know'],
    ['repeaters', 'found in the kernel’s set'],
  ],
  [
    'from a damaged history',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know'],
    ['repeaters'],
  ],
  [
    'found in the kernel’s set',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know'],
    ['repeaters'],
  ],
  [
    'several ports of strangers',
    ['by hand', 'freed by a person', 'prolonged by a person', 'several ports of whom we know'],
    ['repeaters', 'several ports of strangers'],
  ],
  ['several ports of whom we know', ['by hand', 'freed by a person'], ['several ports of whom we know']],
  ['by hand', [], ['by hand', 'freed by a person']],
]
for (const [flood, spared, displaced] of FLOODS) {
  test(`a flood of ${flood} displaces ${displaced.join(', ')}; ${spared.join(', ') || 'nobody'} stay`, () => {
    using history = fresh()
    const kinds = [...spared, ...displaced]
    for (const [n, kind] of kinds.entries()) KINDS[kind]!(history, 70_000 + n * 1000, 200)
    const before = kinds.map((_, n) => left(history, 70_000 + n * 1000, 200))
    for (let n = 0; n < 30_000; n += 1000) {
      KINDS[flood]!(history, n, 1000)
      pruneAll(history)
    }
    const after = kinds.map((_, n) => left(history, 70_000 + n * 1000, 200))
    assert.deepEqual(after.slice(0, spared.length), before.slice(0, spared.length))
    assert.deepEqual(
      after.slice(spared.length),
      displaced.map(() => 0),
    )
    assert.equal(history.newest(SOURCES).length, MOST)
    assert.equal(history.newest(1)[0]!.source, sourceOf(29_999), 'the newest of the flood stays')
  })
}

test('each rank full: what it has beyond its quarter goes, the oldest first, where the others need theirs', () => {
  using history = fresh()
  const kinds = ['singles', 'repeaters', 'several ports of whom we know', 'by hand'] as const
  for (const [n, kind] of kinds.entries())
    KINDS[kind]!(history, n * 10_000, kind === 'repeaters' ? 1500 : 3000)
  pruneAll(history)
  assert.deepEqual(
    kinds.map((_, n) => left(history, n * 10_000, 3000)),
    kinds.map(() => QUARTER),
  )
  assert.equal(left(history, 0, 500), 0, 'the oldest')
  for (const kind of ['by hand', 'several ports of whom we know', 'repeaters'])
    KINDS[kind]!(history, 50_000, 1000)
  pruneAll(history)
  assert.equal(history.newest(SOURCES).length, MOST)
})

test('flies in force are never pruned, and as long as they are too many, nobody who ranks higher goes for them', () => {
  using history = fresh()
  KINDS.repeaters!(history, 20_000, 500)
  KINDS['by hand']!(history, 30_000, 500)
  history.add(batch(0, 12_000).map(one => ({ ...one, until: 'forever' as const })))
  KINDS.singles!(history, 40_000, 100)
  pruneAll(history)
  // The newest of all stays until another has come.
  assert.deepEqual(
    [left(history, 20_000, 500), left(history, 30_000, 500), left(history, 40_000, 99)],
    [1000, 500, 0],
  )
  assert.equal(history.count(LATER), 12_000)
  history.releaseAll({ ...RELEASE, at: LATER, because: 'flushed' })
  pruneAll(history, LATER + HOUR)
  assert.equal(history.newest(SOURCES).length, MOST)
})

test('what another process has written is counted', t => {
  const folder = mkdtempSync(join(tmpdir(), 'history-rank-'))
  t.after(() => rmSync(folder, { recursive: true }))
  using history = openHistoryFile(join(folder, 'history.db'))
  using other = openHistoryFile(join(folder, 'history.db'))
  KINDS.singles!(history, 0, 11_000)
  pruneAll(history)
  KINDS['by hand']!(other, 20_000, 3000)
  KINDS.singles!(other, 30_000, 9000)
  pruneAll(history)
  assert.equal(history.newest(SOURCES).length, MOST)
  assert.equal(left(history, 20_000, 3000), 3000)
})

const anyCounts = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 4, maxLength: 4 })

test('whatever there is: all together are most, a quarter is sure to each, and lower ones displace no higher ones', () => {
  fc.assert(
    fc.property(anyCounts, fc.integer({ min: 1, max: 1000 }), (counts, quarter) => {
      const most = 4 * quarter
      const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0)
      const going = surplusOf(counts, most)
      assert.equal(total(going), Math.max(0, total(counts) - most))
      for (const [rank] of RANKS.entries()) {
        assert.ok(going[rank] === 0 || counts[rank]! - going[rank]! >= quarter, `${rank} keeps its quarter`)
        const isWithin = total(counts.slice(rank)) <= (4 - rank) * quarter
        if (isWithin) assert.equal(total(going.slice(rank)), 0, `${rank} and above make no room`)
        const others = [...counts.slice(0, rank).map(count => count + 777), ...counts.slice(rank)]
        const more = surplusOf(others, most)
        if (isWithin) assert.equal(total(more.slice(rank)), 0, 'however many lower ones there are')
      }
    }),
  )
})
