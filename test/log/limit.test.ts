import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { LINES_A_SECOND, limitLines } from '../../src/log/limit.ts'

test('a flood of lines is cut, and what was left out is counted', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  let made = 0
  const limited = limitLines<string>(line => void lines.push(line))
  for (let n = 0; n < LINES_A_SECOND + 9812; n++)
    limited.write(() => {
      made++
      return `line ${n}`
    })
  assert.equal(lines.length, LINES_A_SECOND)
  assert.equal(made, LINES_A_SECOND, 'no sentence is made for nobody')
  mock.timers.tick(1000)
  assert.equal(lines.at(-1), 'and 9,812 more in the last second')
  limited.write(() => 'again')
  assert.equal(lines.at(-1), 'again')
  mock.timers.tick(1000)
  assert.equal(lines.at(-1), 'again', 'nothing was left out')
  mock.timers.reset()
})
