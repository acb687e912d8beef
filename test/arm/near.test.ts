import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSameNear, nearOf } from '../../src/arm/near.ts'
import type { Neighbourhood } from '../../src/arm/surroundings.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { prefixesIn, prefixSet } from '../../src/terms/prefix-set.ts'

const address = (text: string) => text as Address
const prefix = (text: string) => parsePrefix(text)!
const NEVER = prefixSet([prefix('2001:db8:51:1::7')])
const NONE_SHARED = { single: [] }
const HOME: Neighbourhood = {
  own: [address('192.0.2.1')],
  gateways: [address('192.0.2.254')],
  resolvers: [address('192.0.2.254')],
  onLink6: [],
  links: [],
  inside: [],
}

test('who is near, whose addresses are ours, and how flies are named', () => {
  const near = nearOf(HOME, NEVER, NONE_SHARED)
  assert.deepEqual(
    near.prefixes.map(({ text }) => text),
    ['192.0.2.1', '192.0.2.254'],
  )
  assert.deepEqual(['192.0.2.1', '192.0.2.254'].map(address).map(near.owns), [true, false])
  assert.equal(near.nameFly(address('2001:db8:1::5')), '2001:db8:1::/64')
  assert.equal(near.nameFly(address('2001:db8:51:1::8')), '2001:db8:51:1::8', 'beside one never locked out')
  const moved = { ...HOME, resolvers: [address('9.9.9.9')], onLink6: [prefix('2001:db8:1::/64')] }
  const other = nearOf(moved, NEVER, NONE_SHARED)
  assert.deepEqual(
    other.prefixes.map(({ text }) => text),
    ['9.9.9.9', '192.0.2.1', '192.0.2.254'],
  )
  assert.equal(other.nameFly(address('2001:db8:1::5')), '2001:db8:1::5')
  assert.deepEqual(
    [...prefixesIn(other.singles)].map(({ text }) => text),
    ['64:ff9b::/96', '2001:db8:1::/64', '2001:db8:51:1::/64'],
  )
})

test('the same addresses and links are the same, each other one is not', () => {
  const near = nearOf(HOME, NEVER, NONE_SHARED)
  assert.ok(isSameNear(near, structuredClone(HOME)))
  const others: Partial<Neighbourhood>[] = [
    { own: [] },
    { gateways: [address('192.0.2.253')] },
    { resolvers: [address('9.9.9.9')] },
    { onLink6: [prefix('2001:db8:1::/64')] },
    { links: [prefix('192.0.2.0/24')] },
    { inside: [prefix('192.0.2.0/24')] },
  ]
  for (const other of others)
    assert.ok(!isSameNear(near, { ...HOME, ...other }), JSON.stringify(Object.keys(other)))
})
