import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { tolerantHistory } from '../../src/history/tolerant.ts'
import { careForHistory } from '../../src/history/upkeep.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { batch, HOUR, SINCE } from './lockouts.ts'

const MOST = 2000
/** One batch of packets. */
const BATCH = 512

function fresh() {
  const now = () => SINCE + 30 * 24 * HOUR
  const log = { info() {}, warn() {}, error() {} }
  const opened = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  const history = tolerantHistory(opened, { log, now, isDamage: () => false })
  const care = careForHistory({
    history,
    log,
    boot: 'a boot',
    time: {
      now,
      boottime: now,
      slept: () => 0,
      check: () => ({ stepped: 0, slept: 0 }),
      watch: () => ({ [Symbol.dispose]() {} }),
    },
    settings: () => ({ history: { keep: 'forever', most: MOST, samplesPerSecond: 0 } }),
    onStep() {},
    onSleep() {},
  })
  return { history, care, rows: () => history.newest(100_000).length }
}

test('a flood that adds a batch at every turn is kept up with, and between two slices others have their turn', async () => {
  const { history, care, rows } = fresh()
  history.add(batch(0, 10_000))
  care.second()
  assert.ok(rows() > MOST, 'not all at once')
  let largest = 0
  for (let n = 0; n < 60; n++) {
    await turn()
    history.add(batch(10_000 + n * BATCH, BATCH))
    if (n > 0 && n % 10 === 0) care.second()
    if (n >= 40) largest = Math.max(largest, rows())
  }
  // What comes between two seconds, when nothing was too much any more.
  assert.ok(largest <= MOST + 11 * BATCH, `${largest} rows`)
  care.second()
  for (let n = 0; n < 20; n++) await turn()
  assert.equal(rows(), MOST)
  care[Symbol.dispose]()
})

test('what is still to be pruned when the daemon ends is left to the next', async () => {
  const { history, care, rows } = fresh()
  history.add(batch(0, 10_000))
  care.second()
  care[Symbol.dispose]()
  const left = rows()
  for (let n = 0; n < 5; n++) await turn()
  assert.equal(rows(), left)
  assert.ok(left > MOST)
})
