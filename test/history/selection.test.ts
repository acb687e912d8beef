import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { parsePrefix } from '../../src/terms/address.ts'
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
