import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MIGRATIONS, SQL } from '../../src/history/schema.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { batch, HOUR, SINCE, sourceOf } from './lockouts.ts'

const ROWS = 100_000
const PLANS: Record<keyof typeof SQL, string[]> = {
  supersede: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  standsToday: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  add: [],
  addAlike: [],
  supersedeAlike: ['SEARCH lockout USING COVERING INDEX lockout_latest (source=? AND rowid<?)'],
  addAlikeSent: [],
  supersedeAlikeSent: ['SEARCH lockout USING COVERING INDEX lockout_latest (source=? AND rowid<?)'],
  last: ['SEARCH lockout'],
  pastOf: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  knows: ['SEARCH lockout USING COVERING INDEX lockout_latest (source=?)'],
  shift: ['SCAN lockout USING INDEX lockout_until'], // each of them is written anyway
  flies: [
    'SEARCH lockout USING INDEX lockout_until (until=?)',
    'SEARCH lockout USING INDEX lockout_until (until>?)',
  ],
  termsOfFew: [
    'SEARCH lockout USING INDEX lockout_until (until=?)',
    'SEARCH lockout USING INDEX lockout_until (until>?)',
  ],
  termsOfMany: ['SEARCH lockout USING INTEGER PRIMARY KEY (rowid>?)'],
  prolong: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  goesOn: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  before: ['SCAN lockout'], // whom it is about, is a list of the caller's
  find: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  count: [
    'SEARCH lockout USING INDEX lockout_until (until=?)',
    'SEARCH lockout USING INDEX lockout_until (until>?)',
  ],
  release: ['SEARCH lockout USING INDEX lockout_latest (source=?)'],
  releaseAll: ['SCAN lockout USING INDEX lockout_until'], // each of them is written anyway
  newest: ['SEARCH lockout USING INTEGER PRIMARY KEY (rowid<?)'],
  newestFlies: ['SEARCH lockout USING INTEGER PRIMARY KEY (rowid<?)'],
  getMeta: ['SEARCH meta USING PRIMARY KEY (key=?)'],
  setMeta: [],
}

describe(`with ${ROWS} lockouts`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'history-plan-'))
  const file = join(folder, 'history.db')
  before(() => {
    using history = openHistoryFile(file)
    for (let first = 0; first < ROWS; first += 500) history.add(batch(first, 500))
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const [name, expected] of Object.entries(PLANS)) {
    test(`${name} reads no more than it must`, () => {
      using database = openDatabase(file, { migrations: MIGRATIONS, readOnly: true })
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${SQL[name as keyof typeof SQL]}`).all()
      const reads = plan
        .map(step => String(step.detail))
        .filter(step => /SEARCH|SCAN (lockout|meta)|TEMP B-TREE/.test(step))
      assert.deepEqual(reads, expected)
    })
  }

  test('the answers are right at that size', () => {
    using history = openHistoryFile(file)
    const half = SINCE + HOUR + ROWS / 2 // the first half is over then
    assert.equal(history.count(SINCE), ROWS)
    assert.equal(history.count(half), ROWS / 2 - 1)
    assert.deepEqual(
      [...history.pastOf([sourceOf(77_777), sourceOf(ROWS)])],
      [[sourceOf(77_777), { times: 1, ports: ['tcp/20000'], ended: SINCE + 77_777 + HOUR }]],
    )
    assert.equal(history.find(sourceOf(77_777), half)?.since, SINCE + 77_777)
    assert.equal(history.newest(1)[0]?.source, sourceOf(ROWS - 1))
    let streamed = 0
    for (const _ of history.flies(half)) streamed += 1
    assert.equal(streamed, ROWS / 2 - 1)
    const newest = [...history.select({}, half)].map(({ id }) => id)
    assert.deepEqual([newest.length, newest[0], newest.at(-1)], [streamed, ROWS, ROWS / 2 + 2])
    assert.deepEqual(
      newest,
      newest.toSorted((one, other) => other - one),
    )
    for (const now of [SINCE, half, SINCE + HOUR + ROWS - 100])
      assert.deepEqual(
        [...history.terms(now)].map(({ source }) => source).sort(),
        [...history.flies(now)].map(({ source }) => source).sort(),
      )
  })
})
