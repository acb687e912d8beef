import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import { debounce } from '../../src/keep/debounce.ts'

/** Work of so many seconds, and how often it was done. */
function busyFor(t: TestContext, seconds: number) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const state = { left: seconds, done: 0, failure: undefined as Error | undefined }
  const said: string[] = []
  const busy = debounce(
    () => {
      state.done++
      if (state.failure) throw state.failure
      return --state.left > 0
    },
    error => void said.push(String(error)),
  )
  return { busy, state, said }
}

test('nothing is done until there is something to do; then once a second until all is done', t => {
  const { busy, state } = busyFor(t, 3)
  mock.timers.tick(60_000)
  assert.equal(state.done, 0)
  busy.begin()
  busy.begin()
  mock.timers.tick(999)
  assert.equal(state.done, 0)
  mock.timers.tick(1)
  assert.equal(state.done, 1)
  for (let second = 0; second < 60; second++) mock.timers.tick(1000)
  assert.equal(state.done, 3)
})

test('now is not a second later as well', t => {
  const { busy, state } = busyFor(t, 1)
  busy.begin()
  busy.now()
  mock.timers.tick(60_000)
  assert.equal(state.done, 1)
})

test('what fails is said, and tried again when there is something to do again', t => {
  const { busy, state, said } = busyFor(t, 1)
  state.failure = new Error('no')
  busy.begin()
  mock.timers.tick(60_000)
  assert.deepEqual([state.done, said], [1, ['Error: no']])
  busy.begin()
  mock.timers.tick(1000)
  assert.equal(state.done, 2)
})

test('at the end it is done once more, and never after that', t => {
  for (const failure of [undefined, new Error('no')]) {
    const { busy, state } = busyFor(t, 9)
    state.failure = failure
    busy.begin()
    mock.timers.tick(1000)
    busy[Symbol.dispose]()
    assert.equal(state.done, 2)
    busy.begin()
    mock.timers.tick(60_000)
    assert.equal(state.done, 2)
    mock.timers.reset()
  }
})

test('at the end nothing is done where nothing is left', t => {
  const { busy, state } = busyFor(t, 1)
  busy.begin()
  mock.timers.tick(60_000)
  busy[Symbol.dispose]()
  assert.equal(state.done, 1)
})
