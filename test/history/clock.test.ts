import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catchUp, moveTimes, rememberTime } from '../../src/history/clock.ts'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { openClock } from '../../src/system/clock.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { HOUR, lockout, SINCE } from './lockouts.ts'

const LOG = { info() {}, warn() {}, error() {} }

function laboratory() {
  const hands = { wall: SINCE, boot: 1_000_000, awake: 900_000 }
  const open = () =>
    openClock({ wall: () => hands.wall, boottime: () => hands.boot, monotonic: () => hands.awake })
  const pass = (ms: number) => {
    hands.wall += ms
    hands.boot += ms
    hands.awake += ms
  }
  const history = openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  return { hands, open, pass, history }
}

test('the clock goes on whatever somebody does to the one on the wall, and tells it once', () => {
  const { hands, open, pass } = laboratory()
  const clock = open()
  pass(5000)
  assert.equal(clock.now(), SINCE + 5000)
  hands.wall += HOUR
  assert.equal(clock.now(), SINCE + 5000)
  assert.deepEqual(clock.check(), { stepped: HOUR, slept: 0 })
  assert.equal(clock.now(), SINCE + 5000 + HOUR)
  assert.deepEqual(clock.check(), { stepped: 0, slept: 0 })
  hands.wall -= 500
  assert.deepEqual(clock.check(), { stepped: 0, slept: 0 }, 'hardly anything')
})

test('a sleep is told, and time passes in it', () => {
  const { hands, open, pass } = laboratory()
  const clock = open()
  pass(HOUR)
  hands.awake -= HOUR - 1000
  assert.equal(clock.now(), SINCE + HOUR)
  assert.deepEqual(clock.check(), { stepped: 0, slept: HOUR - 1000 })
})

for (const [way, step] of [
  ['forward by years', 10 * 365 * 24 * HOUR],
  ['back by years', -10 * 365 * 24 * HOUR],
] as const) {
  test(`the clock is set ${way}: whoever is in force has the same time left, also for those who read the wall clock`, () => {
    const { hands, open, pass, history } = laboratory()
    const clock = open()
    history.add([
      lockout(),
      lockout({ source: '192.0.2.1', until: 'forever' }),
      lockout({ source: '192.0.2.2', until: SINCE + 1000 }),
    ])
    pass(HOUR / 2)
    hands.wall += step
    moveTimes(history, clock.check().stepped, LOG)
    const [timed] = [...history.flies(hands.wall)].filter(({ until }) => until !== 'forever')
    assert.equal(timed!.source, '69.0.231.79')
    assert.equal(timed!.until, hands.wall + HOUR / 2)
    assert.equal(history.count(hands.wall), 2, 'who was over stays over')
    assert.equal(history.count(hands.wall + HOUR / 2), 1)
  })

  test(`the same while no daemon runs (${way})`, () => {
    const { hands, open, pass, history } = laboratory()
    history.add([lockout()])
    rememberTime(history, open(), 'this boot')
    pass(HOUR / 2)
    hands.wall += step
    catchUp(history, open(), 'this boot', LOG)
    assert.equal([...history.flies(hands.wall)][0]!.until, hands.wall + HOUR / 2)
  })
}

test('a sleep while no daemon runs is told at the next start, in the same boot', () => {
  const { hands, open, pass, history } = laboratory()
  rememberTime(history, open(), 'this boot')
  pass(HOUR)
  hands.awake -= HOUR / 2
  assert.equal(catchUp(history, open(), 'this boot', LOG).slept, HOUR / 2)
  assert.equal(catchUp(history, open(), 'another boot', LOG).slept, 0)
  history.setMeta('time', JSON.stringify({ boot: 'this boot', boottime: hands.boot, now: hands.wall }))
  assert.equal(catchUp(history, open(), 'this boot', LOG).slept, 0, 'an older version did not remember it')
})

test('after a reboot time has passed, but for a clock that stands before the last known time', () => {
  const { hands, open, pass, history } = laboratory()
  history.add([lockout()])
  rememberTime(history, open(), 'one boot')
  pass(HOUR / 2)
  hands.boot = 5000
  catchUp(history, open(), 'another boot', LOG)
  assert.equal([...history.flies(hands.wall)][0]!.until, SINCE + HOUR)

  rememberTime(history, open(), 'another boot')
  hands.wall = 0
  catchUp(history, open(), 'a third boot', LOG)
  assert.equal(
    [...history.flies(hands.wall)][0]!.until,
    HOUR / 2,
    'no battery: nobody knows how long it was off',
  )
})

test('what is remembered of the time may be nonsense', () => {
  const { open, history } = laboratory()
  for (const text of [
    '',
    'x',
    '{}',
    '{"boot":"b","boottime":"1","now":null}',
    '{"boot":"b","boottime":1,"now":1,"slept":"x"}',
  ]) {
    history.setMeta('time', text)
    assert.equal(catchUp(history, open(), 'b', LOG).slept, 0)
  }
})
