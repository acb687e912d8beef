import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retirement } from '../../src/capture/retire.ts'

function capture(name: string, ended: string[]) {
  const counted = { packets: 0, waiting: 0, overruns: 0, lost: 0 }
  return { counted, counts: () => counted, [Symbol.dispose]: () => void ended.push(name) }
}

test('what was replaced goes after a second, and not while packets wait in it', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const ended: string[] = []
  const [empty, busy] = [capture('empty', ended), capture('busy', ended)]
  busy.counted.waiting = 5
  using retired = retirement()
  retired.retire(empty)
  retired.retire(busy)
  t.mock.timers.tick(999)
  assert.deepEqual(ended, [])
  t.mock.timers.tick(1)
  assert.deepEqual(ended, ['empty'])
  t.mock.timers.tick(3000)
  assert.deepEqual(ended, ['empty'])
  busy.counted.waiting = 0
  t.mock.timers.tick(1000)
  assert.deepEqual(ended, ['empty', 'busy'])
})

test('at the end everything goes, once', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const ended: string[] = []
  const busy = capture('busy', ended)
  busy.counted.waiting = 5
  const retired = retirement()
  retired.retire(busy)
  retired[Symbol.dispose]()
  t.mock.timers.tick(5000)
  assert.deepEqual(ended, ['busy'])
})
