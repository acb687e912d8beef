import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSameNear, nearOf } from '../../src/arm/near.ts'
import { type Neighbourhood, neighbourhoodChanges } from '../../src/arm/surroundings.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'

const address = (text: string) => text as Address
const prefix = (text: string) => parsePrefix(text)!
const NEVER = [prefix('2001:db8:51:1::7')]
const HOME: Neighbourhood = {
  own: [address('192.0.2.1')],
  gateways: [address('192.0.2.254')],
  resolvers: [address('192.0.2.254')],
  onLink6: [],
}

test('who is near, whose addresses are ours, and how flies are named', () => {
  const near = nearOf(HOME, NEVER)
  assert.deepEqual(
    near.prefixes.map(({ text }) => text),
    ['192.0.2.1', '192.0.2.254'],
  )
  assert.deepEqual(['192.0.2.1', '192.0.2.254'].map(address).map(near.owns), [true, false])
  assert.equal(near.nameFly(address('2001:db8:1::5')), '2001:db8:1::/64')
  assert.equal(near.nameFly(address('2001:db8:51:1::8')), '2001:db8:51:1::8', 'beside one never locked out')
  const moved = { ...HOME, resolvers: [address('9.9.9.9')], onLink6: [prefix('2001:db8:1::/64')] }
  const other = nearOf(moved, NEVER)
  assert.deepEqual(
    other.prefixes.map(({ text }) => text),
    ['9.9.9.9', '192.0.2.1', '192.0.2.254'],
  )
  assert.equal(other.nameFly(address('2001:db8:1::5')), '2001:db8:1::5')
  const singles = neighbourhoodChanges(moved, NEVER).find(
    change => change.change === 'add' && change.set === 'flypaper_single6',
  )
  assert.deepEqual(
    singles &&
      'elements' in singles &&
      singles.elements.map(({ element }) => (element as { text: string }).text),
    ['64:ff9b::/96', '2001:db8:1::/64', '2001:db8:51:1::/64'],
  )
})

test('the same addresses and links are the same, each other one is not', () => {
  const near = nearOf(HOME, NEVER)
  assert.ok(isSameNear(near, structuredClone(HOME)))
  const others: Partial<Neighbourhood>[] = [
    { own: [] },
    { gateways: [address('192.0.2.253')] },
    { resolvers: [address('9.9.9.9')] },
    { onLink6: [prefix('2001:db8:1::/64')] },
  ]
  for (const other of others)
    assert.ok(!isSameNear(near, { ...HOME, ...other }), JSON.stringify(Object.keys(other)))
})
