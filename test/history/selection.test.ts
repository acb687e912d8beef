import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'

const NOW = 1_000_000_000_000
const ROWS = 3_000
const fly = (n: number) => `10.0.${n >> 8}.${n & 255}` as Fly

function filled() {
  const history = openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  const lockout = (n: number): Lockout => ({
    source: fly(n),
    because: 'by-hand',
    grade: 'by-hand',
    since: NOW + n,
    until: 'forever',
    times: 1,
  })
  history.add(Array.from({ length: ROWS }, (_, n) => lockout(n)))
  return history
}

test('a question is asked piece by piece of the table, however few fit', () => {
  using history = filled()
  const within = [parsePrefix('10.0.0.0/30')!]
  const pieces = [...history.selectPieces({ within }, NOW + ROWS)]
  assert.ok(pieces.length >= ROWS / 500, `${pieces.length} pieces`)
  assert.deepEqual(
    pieces.flat().map(({ source }) => source),
    [3, 2, 1, 0].map(fly),
  )
  assert.deepEqual(pieces.flat(), [...history.select({ within }, NOW + ROWS)])
})

test('of a thousand prefixes none is overlooked, nor anybody else taken', () => {
  using history = filled()
  const within = Array.from({ length: 1000 }, (_, n) => parsePrefix(fly(2 * n))!)
  const found = [...history.select({ within }, NOW + ROWS)].map(({ source }) => source)
  assert.deepEqual(found, within.map(({ text }) => text).toReversed())
})

test('what is freed between two pieces hides nobody', () => {
  using history = filled()
  const found: Fly[] = []
  for (const piece of history.selectPieces({}, NOW + ROWS)) {
    assert.ok(piece.length <= 500)
    const sources = piece.map(({ source }) => source)
    history.release(sources, { at: NOW + ROWS, by: 'root', because: 'freed', counts: false })
    found.push(...sources)
  }
  assert.equal(new Set(found).size, ROWS)
  assert.equal(history.count(NOW + ROWS), 0)
  assert.deepEqual([...history.selectPieces({}, NOW + ROWS)].flat(), [])
})

test('pages: whoever is a fly all the while is told once, however many come, go and come again meanwhile', () => {
  using history = filled()
  const told: Fly[] = []
  let before: number | undefined
  let more = ROWS
  do {
    const { rows, next } = history.selectPage({}, NOW + ROWS, before)
    assert.ok(rows.length <= 500)
    told.push(...rows.map(({ source }) => source))
    // Every tenth goes; of those each second one comes again, as others do who were never here.
    const gone = Array.from({ length: 30 }, (_, i) => fly((more + 10 * i) % ROWS))
    more += 300
    history.release(gone, { at: NOW + ROWS, by: 'root', because: 'freed', counts: false })
    history.add(
      [...gone.filter((_, i) => i % 2 === 0), fly(ROWS + more)].map(source => ({
        source,
        because: 'by-hand',
        grade: 'by-hand',
        since: NOW + ROWS,
        until: 'forever',
        times: 1,
      })),
    )
    before = next
  } while (before !== undefined)
  const stayed = Array.from({ length: ROWS }, (_, n) => n).filter(n => n % 10 !== 0)
  assert.deepEqual(new Set(told.filter(one => stayed.some(n => fly(n) === one))), new Set(stayed.map(fly)))
  assert.equal(new Set(told).size, told.length, 'nobody twice')
})

test('the past: by time, port, prefix, reason, grade and how it ended; who is a fly is not in it', () => {
  using history = openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  const one = (n: number, more: Partial<Lockout> = {}): Lockout => ({
    source: fly(n),
    because: 'closed-port',
    grade: 'forgeable',
    tried: { kind: 'tcp', port: 80 + n, flags: 2 },
    packetSource: String(fly(n)) as Address,
    since: NOW + n,
    until: NOW + 100,
    times: 1,
    ...more,
  })
  history.add([
    one(0),
    one(1, { grade: 'forgeable-known', because: 'distinct-ports' }),
    one(2),
    one(3),
    one(4, { until: 'forever' }),
    one(5, { until: 'forever' }),
  ])
  const release = { at: NOW + 50, by: 'anna', counts: false }
  history.release([fly(2), fly(5)], { ...release, because: 'freed' })
  history.release([fly(3)], { ...release, because: 'part of a wider one' })
  const found = (filter: object) => {
    const now = NOW + 200
    const paged = history.selectPage({ past: true, ...filter }, now).rows.map(({ source }) => source)
    const sorted = [...history.select({ past: true, ...filter }, now, 'times')].map(({ source }) => source)
    assert.deepEqual(sorted, paged)
    return paged.map(source => Number(source.split('.').at(-1)))
  }
  assert.deepEqual(found({}), [5, 3, 2, 1, 0])
  assert.deepEqual(found({ past: false }), [4])
  assert.deepEqual(found({ since: NOW + 2 }), [5, 3, 2])
  assert.deepEqual(found({ since: NOW + 1, until: NOW + 3 }), [2, 1])
  assert.deepEqual(found({ port: 83 }), [3])
  assert.deepEqual(found({ within: [parsePrefix('10.0.0.2/31')!] }), [3, 2])
  assert.deepEqual(found({ within: [parsePrefix('10.0.0.2')!] }), [2])
  assert.deepEqual(found({ reason: 'distinct-ports' }), [1])
  assert.deepEqual(found({ grade: 'forgeable-known' }), [1])
  assert.deepEqual(found({ grade: 'forgeable' }), [5, 3, 2, 0])
  assert.deepEqual(found({ grade: 'by-hand' }), [])
  assert.deepEqual(found({ ended: 'over' }), [1, 0])
  assert.deepEqual(found({ ended: 'freed' }), [5, 2])
  assert.deepEqual(found({ ended: 'part' }), [3])
  assert.deepEqual(found({ past: false, grade: 'forgeable' }), [4])
})
