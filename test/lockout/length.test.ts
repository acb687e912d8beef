import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lengthOf } from '../../src/lockout/length.ts'
import { parseSettings } from '../../src/settings/load.ts'

const of = (toml: string) => parseSettings(`[lockout]\n${toml}`, 'test').lockout
const lengths = (toml: string, longest: Parameters<typeof lengthOf>[1] = 'forever') =>
  [1, 2, 9, 10, 1_000_000].map(ports => lengthOf(ports, longest, of(toml)))

test('one port is little, several are an hour, many a day', () => {
  assert.deepEqual(lengths(''), [600, 3600, 3600, 86_400, 86_400])
  assert.deepEqual(lengths('many_ports = 2'), [600, 86_400, 86_400, 86_400, 86_400])
})

test('never longer than the class of the source allows', () => {
  const { known, peer } = parseSettings('', 'test').evidence
  assert.deepEqual(lengths('', known.longest), [600, 3600, 3600, 3600, 3600])
  assert.deepEqual(lengths('first = "forever"', peer.longest), Array(5).fill(3600), 'nor for ever')
})

test('never longer than what can be forged may last', () => {
  assert.deepEqual(lengths('longest_forgeable = "2h"\nmany = "2h"'), [600, 3600, 3600, 7200, 7200])
  assert.deepEqual(
    lengths('many = "30d"'),
    [600, 3600, 3600, 2_592_000, 2_592_000],
    'that long where it is wanted',
  )
})

test('for ever at once, as in 2006', () => {
  assert.deepEqual(lengths('first = "forever"'), Array(5).fill('forever'))
})
