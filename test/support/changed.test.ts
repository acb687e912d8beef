import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testsOf } from './changed.ts'

const TESTS = [
  'test/judge/judge.test.ts',
  'test/judge/strays.test.ts',
  'test/kernel/scans.test.ts',
  'test/run.test.ts',
]

test('a changed test runs itself; a source runs the test of its name, or else those of its folder', () => {
  assert.deepEqual(testsOf(['src/judge/judge.ts', 'docs/closed.md'], TESTS), ['test/judge/judge.test.ts'])
  assert.deepEqual(testsOf(['src/judge/evidence.ts'], TESTS), TESTS.slice(0, 2))
  assert.deepEqual(testsOf(['test/kernel/scans.test.ts', 'test/support/world.ts'], TESTS), [TESTS[2]])
  assert.deepEqual(testsOf(['src/nowhere/x.ts', 'src/judge.md'], TESTS), [])
  const packages = [
    'packages/a/test/one.test.ts',
    'packages/a/test/two.test.ts',
    'packages/b/test/one.test.ts',
  ]
  assert.deepEqual(testsOf(['packages/a/src/one.ts'], packages), [packages[0]])
  assert.deepEqual(testsOf(['packages/a/src/three.ts'], packages), packages.slice(0, 2))
})
