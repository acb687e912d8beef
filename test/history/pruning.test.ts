import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { batch, fly, HOUR, lockout, SINCE } from './lockouts.ts'

const DAY = 24 * HOUR
const fresh = () => openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
const sources = (history: ReturnType<typeof fresh>) => history.newest(99).map(({ source }) => source)

test('by age: what ended too long ago goes, what is in force stays however old', () => {
  const history = fresh()
  history.add([
    lockout(),
    lockout({ source: '192.0.2.1', until: 'forever' }),
    lockout({ source: '192.0.2.2', since: SINCE + 20 * DAY }),
  ])
  const limits = { keepMs: 30 * DAY, most: 1000 }
  assert.equal(history.prune(limits, SINCE + 30 * DAY).rows, 0)
  assert.equal(history.prune(limits, SINCE + 30 * DAY + 2 * HOUR).rows, 1)
  assert.deepEqual(sources(history), ['192.0.2.2', '192.0.2.1'])
  assert.equal(history.pastOf([fly('69.0.231.79')]).size, 0)
  assert.deepEqual(history.prune({ ...limits, keepMs: Number.POSITIVE_INFINITY }, SINCE + 9999 * DAY), {
    rows: 0,
    more: false,
  })
})

test('by age also behind a lockout from the time when the clock was wrong', () => {
  const history = fresh()
  history.add([
    lockout({ since: SINCE + 99 * DAY, until: SINCE + 100 * DAY }),
    lockout({ source: '192.0.2.1' }),
    lockout({ source: '192.0.2.2', since: SINCE + 20 * DAY }),
  ])
  assert.equal(history.prune({ keepMs: 30 * DAY, most: 1000 }, SINCE + 40 * DAY).rows, 1)
  assert.deepEqual(sources(history), ['192.0.2.2', '69.0.231.79'])
})

test('by number: the oldest that are over go first, in pieces', () => {
  const history = fresh()
  history.add([lockout({ source: '192.0.2.1', until: 'forever' }), ...batch(0, 3500)])
  const limits = { keepMs: 365 * DAY, most: 1200 }
  const now = SINCE + DAY
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => history.prune(limits, now).rows),
    [600, 600, 600, 501, 0],
  )
  assert.equal(history.newest(9999).length, 1200)
  assert.ok(history.find(fly('192.0.2.1'), now))
})

test('of each day the totals stay for ever', () => {
  const history = fresh()
  const day = (n: number) => SINCE + n * DAY
  history.add([
    lockout({ since: day(0) }),
    lockout({ since: day(0) + 2 * HOUR, times: 2 }),
    lockout({ source: '2001:db8::/64', since: day(0) }),
    lockout({ source: '192.0.2.1', since: day(5) }),
  ])
  const before = history.sums(day(0) - DAY).days
  const limits = { keepMs: DAY, most: 1000 }
  assert.equal(history.prune(limits, day(90)).rows, 3, 'the newest of all stays until another has come')
  assert.equal(history.newest(9).length, 1)
  assert.deepEqual(history.sums(day(0) - DAY).days, before)
  assert.deepEqual(
    before.map(({ attackers }) => attackers),
    [2, 1],
  )
  history.add([lockout({ source: '192.0.2.2', since: day(90) })])
  const looks = [1, 2, 3].map(n => history.prune(limits, day(90) + n * 60_000).rows)
  assert.deepEqual(looks, [0, 1, 0], 'it has, and goes when the history is looked through again')
})
