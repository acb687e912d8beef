import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BOUND_MAX, openBound, type Place } from '../../src/arm/bound.ts'
import type { ServedPort } from '../../src/arm/surroundings.ts'
import type { Address } from '../../src/terms/address.ts'

const A = '192.0.2.1' as Address
const B = '2001:db8::2' as Address
const NOW = 1_000_000

function kernel(served = 600) {
  const bound = openBound()
  return (
    places: readonly Place[],
    now = NOW,
    closed: 'listening' | 'unmatched' = 'listening',
    translated: readonly ServedPort[] = [],
  ) => {
    const changes = bound.changes({ closed, served }, { bound: () => places }, { translated }, now)
    assert.deepEqual(
      changes.slice(0, 3).map(({ change }) => change),
      ['empty', 'empty', 'empty'],
    )
    return changes.flatMap(one =>
      one.change === 'add'
        ? one.elements.map(({ element, seconds }) => `${element} ${seconds ?? ''}`.trim())
        : [],
    )
  }
}

test('where somebody listens by an address counts as served for as long as any port, wherever he is now', () => {
  const look = kernel()
  assert.deepEqual(look([[A, 6, 80]]), ['192.0.2.1,6,80 600', '6,80'])
  assert.deepEqual(look([[B, 6, 80]], NOW + 60_000), ['192.0.2.1,6,80 540', '2001:db8::2,6,80 600', '6,80'])
  assert.deepEqual(look([[B, 6, 80]], NOW + 600_000), ['2001:db8::2,6,80 600', '6,80'])
  assert.deepEqual(
    look([], NOW + 660_000),
    ['2001:db8::2,6,80 540'],
    'it is down, or listens by all addresses',
  )
})

test('too many, or a mode that does not go by sockets: all ports count as listening everywhere', () => {
  const look = kernel()
  const all = Array.from({ length: BOUND_MAX }, (_, port): Place => [A, 6, port])
  assert.equal(look(all).length, 2 * BOUND_MAX)
  assert.deepEqual(look([[B, 6, 80]], NOW + 1000), [], 'one more')
  assert.deepEqual(look([[B, 6, 80]], NOW + 2000), ['2001:db8::2,6,80 600', '6,80'], 'it begins anew')
  assert.deepEqual(kernel()([[A, 6, 80]], NOW, 'unmatched'), [])
})

test('at which of these ports rules send elsewhere what comes in: by any address, and for as long as any port is served', () => {
  const look = kernel()
  const places: Place[] = [
    [A, 6, 80],
    [A, 6, 81],
    [A, 17, 80],
  ]
  const others = ['192.0.2.1,6,81 600', '192.0.2.1,17,80 600', '6,81', '17,80']
  assert.deepEqual(look(places, NOW, 'listening', [[6, 80]]), others)
  assert.deepEqual(look(places, NOW + 599_000), others, 'the rule is gone')
  assert.equal(look(places, NOW + 600_000).length, 6)
})
