import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ALARM_TEXT_MAX, ALARMS_A_MINUTE, type Alarm, withAlarms } from '../../src/log/alarms.ts'

function laboratory() {
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const told: Alarm[] = []
  const state = { now: 0 }
  const log = withAlarms(
    { info: say, warn: say, error: say },
    alarm => void told.push(alarm),
    () => state.now,
  )
  return { log, said, told, state }
}

test('warnings and errors are alarms, in the next turn, and the log has them as before', async () => {
  const { log, said, told } = laboratory()
  log.info('nothing')
  log.warn('careful')
  log.error('broken')
  assert.deepEqual([said, told], [['nothing', 'careful', 'broken'], []])
  await turn()
  assert.deepEqual(told, [
    { event: 'alarm', level: 'warning', text: 'careful' },
    { event: 'alarm', level: 'error', text: 'broken' },
  ])
})

test('what still waits is told at the end', () => {
  const { log, told } = laboratory()
  log.error('broken')
  log[Symbol.dispose]()
  assert.equal(told.length, 1)
})

test('a storm is bounded, the others are counted, and a text is cut off', async () => {
  const { log, said, told, state } = laboratory()
  for (let n = 0; n < ALARMS_A_MINUTE + 30; n++) log.error(`broken ${n}`)
  await turn()
  assert.deepEqual([said.length, told.length], [ALARMS_A_MINUTE + 30, ALARMS_A_MINUTE])
  state.now += 60_000
  log.warn('x'.repeat(5000))
  log.warn('and another')
  await turn()
  const [long, other] = told.slice(-2)
  assert.equal(long!.text, `${'x'.repeat(ALARM_TEXT_MAX)} (and 30 alarms more since the last one)`)
  assert.equal(other!.text, 'and another')
})
