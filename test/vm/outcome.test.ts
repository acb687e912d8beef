import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeOf } from './outcome.ts'

const BOOT = 'vm: booted 6.1.0-56-amd64 after 5.41 s\n'

test('a guest that came to its end is what it counted', () => {
  assert.deepEqual(outcomeOf(`${BOOT}✔ x\n3 passed, 0 failed, 1 skipped\nvm: exit status 0\n`), {
    passed: 3,
    failed: 0,
    skipped: 1,
  })
  assert.deepEqual(outcomeOf(`${BOOT}3 passed, 2 failed, 0 skipped\nvm: exit status 1\n`), {
    passed: 3,
    failed: 2,
    skipped: 0,
  })
})

test('totals in the output of a test are not the closing line', () => {
  const serial = `${BOOT}9 passed, 0 failed, 0 skipped\n1 passed, 1 failed, 0 skipped\nvm: exit status 1\n`
  assert.equal(outcomeOf(serial).failed, 1)
})

test('a guest that died or hung is a failure, whatever it had said', () => {
  for (const [serial, complaint] of [
    ['', /before it had booted/],
    ['Kernel panic - not syncing\n', /before it had booted/],
    [`${BOOT}✔ x\n`, /before its tests were over/],
    [`${BOOT}3 passed, 0 failed, 0 skipped\n`, /before its tests were over/],
    [`${BOOT}vm: exit status 0\n`, /no totals/],
    [`${BOOT}3 passed, 0 failed, 0 skipped\nvm: exit status 137\n`, /exit status 137/],
  ] as const) {
    const outcome = outcomeOf(serial)
    assert.equal(outcome.failed, 1, serial)
    assert.match(outcome.complaint ?? '', complaint)
  }
})
