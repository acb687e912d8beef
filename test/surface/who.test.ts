import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLAIM_MAX, signature } from '../../src/surface/control/who.ts'

test('root is believed, with root beside it; another stands before what he says', () => {
  for (const [user, claim, expected] of [
    ['root', undefined, 'root'],
    ['root', 'root', 'root'],
    ['root', 'anna', 'anna (root)'],
    ['bob', undefined, 'bob'],
    ['bob', 'bob', 'bob'],
    ['bob', 'anna', 'bob, who says anna'],
    // Whatever he claims, he is never shown as root does it.
    ['bob', 'root', 'bob, who says root'],
    ['bob', 'anna (root)', 'bob, who says anna (root)'],
    ['uid 1234', 'root', 'uid 1234, who says root'],
  ] as const)
    assert.equal(signature(user, claim), expected)
  assert.equal(signature('bob', 'x'.repeat(1000)).length, 'bob, who says '.length + CLAIM_MAX)
})
