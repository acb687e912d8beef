import assert from 'node:assert/strict'
import { test } from 'node:test'
import { count } from './tally.ts'

const ONE = { name: 'one', file: '/x.test.ts', type: 'test', passed: true }

test('passed and failed tests count once, the suites around them do not', () => {
  assert.deepEqual(count(ONE, true), { as: 'passed' })
  assert.equal(count({ ...ONE, passed: false }, true)?.as, 'failed')
  assert.equal(count({ ...ONE, type: 'suite' }, true), undefined)
  assert.equal(count({ ...ONE, type: 'suite', passed: false }, true), undefined)
})

test('a failed test says why, however long it is', () => {
  const failed = (said: string) =>
    count({ ...ONE, passed: false, error: new Error('1 subtest failed', { cause: new Error(said) }) }, true)
  assert.deepEqual(failed('no such\nset'), { as: 'failed', because: 'no such\nset' })
  const { because = '' } = failed(`the first ${'x'.repeat(100_000)} the last`) ?? {}
  assert.match(because, /^the first [\s\S]* the last$/)
  assert.ok(because.length < 4000)
  assert.deepEqual(count({ ...ONE, passed: false, error: 'thrown' }, true)?.because, 'thrown')
})

test('a skipped test needs a reason that is good in CI', () => {
  assert.deepEqual(count({ ...ONE, skip: 'no IPv6' }, false), { as: 'skipped' })
  assert.deepEqual(count({ ...ONE, skip: 'outside CI: needs KVM' }, true), { as: 'skipped' })
  assert.equal(count({ ...ONE, skip: 'no IPv6' }, true)?.as, 'failed')
  assert.match(count({ ...ONE, skip: true }, true)?.because ?? '', /without a reason/)
  assert.equal(count({ ...ONE, type: 'suite', skip: true }, true)?.as, 'failed')
})

test('what is still to do counts as skipped, also when it fails', () => {
  assert.deepEqual(count({ ...ONE, passed: false, todo: true }, false), { as: 'skipped' })
  assert.equal(count({ ...ONE, todo: 'later' }, true)?.as, 'failed')
})

test('a file without tests fails', () => {
  assert.match(count({ ...ONE, name: '/x.test.ts' }, false)?.because ?? '', /holds no test/)
})
