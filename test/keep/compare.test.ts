import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../src/keep/compare.ts'
import type { Address } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'

const found = (element: string, seconds?: number) => ({ element: element as Address, seconds })
const fly = (name: string, seconds?: number) => ({ fly: name as Fly, seconds })

test('what is missing, what is more, and what has another time', () => {
  const differences = compare(
    [found('192.0.2.1', 100), found('192.0.2.3', 900), found('192.0.2.4'), found('2001:db8::', 60.4)],
    [fly('192.0.2.1', 103), fly('192.0.2.2', 100), fly('192.0.2.3', 100), fly('192.0.2.4', 100)],
  )
  assert.deepEqual(differences, {
    missing: ['192.0.2.2'],
    extra: [fly('2001:db8::/64', 60)],
    mistimed: ['192.0.2.3', '192.0.2.4'],
  })
})

test('for ever on both sides is the same; who has hardly any time left may be gone', () => {
  assert.deepEqual(compare([found('192.0.2.1')], [fly('192.0.2.1'), fly('192.0.2.2', 4)]), {
    missing: [],
    extra: [],
    mistimed: [],
  })
})
