import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAlarm } from '../../src/log/alarm.ts'

test('an alarm is heard at once, then once a minute, and the next one counts the others', () => {
  const lines: string[] = []
  const log = { error: (line: string) => lines.push(line), info: assert.fail, warn: assert.fail }
  let now = 1_000_000
  const alarm = openAlarm(log, () => now)
  alarm('the set is full')
  now += 59_999
  for (let i = 0; i < 1000; i++) alarm('the set is full')
  assert.deepEqual(lines, ['the set is full'])
  now += 1
  alarm('the disk is full')
  assert.equal(lines[1], 'the disk is full (and 1000 alarms more since the last one)')
  now += 60_000
  alarm('again')
  assert.deepEqual(lines.slice(2), ['again'], 'what was counted is not counted again')
})
