import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { lengthOf } from '../../src/lockout/length.ts'
import { parseSettings } from '../../src/settings/load.ts'

const DEFAULTS = parseSettings('', 'test').lockout
const TCP: Tried = { kind: 'tcp', port: 81, from: 1024, flags: 2 }
const UDP: Tried = { kind: 'udp', port: 81, from: 1024 }
const times = (tried: Tried, lockout: Parameters<typeof lengthOf>[2]) =>
  [0, 1, 2, 3, 4].map(before => lengthOf({ tried, forgeable: false }, before, lockout))

test('six times longer each time, and never longer than longest', () => {
  assert.deepEqual(times(TCP, DEFAULTS), [3600, 21_600, 129_600, 604_800, 604_800])
  assert.deepEqual(times(UDP, DEFAULTS), [600, 3600, 21_600, 129_600, 604_800])
  assert.equal(lengthOf({ tried: { kind: 'icmp', type: 13, code: 0 }, forgeable: false }, 0, DEFAULTS), 3600)
})

test('however often somebody comes, it stays a number of seconds', () => {
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 1_000_000, DEFAULTS), 604_800)
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 1_000_000, { ...DEFAULTS, factor: 1 }), 3600)
})

test('without a longest one it ends in for ever, before a kernel would refuse the number', () => {
  const lockout = { ...DEFAULTS, longest: 'forever' as const }
  assert.deepEqual(times(TCP, lockout), [3600, 21_600, 129_600, 777_600, 4_665_600])
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 7, lockout), 3600 * 6 ** 7)
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 8, lockout), 'forever')
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 1_000_000, lockout), 'forever')
})

test('for ever at once, as in 2006; each of TCP and UDP for itself', () => {
  const lockout = { ...DEFAULTS, first: 'forever' as const }
  assert.equal(lengthOf({ tried: TCP, forgeable: false }, 0, lockout), 'forever')
  assert.equal(lengthOf({ tried: UDP, forgeable: false }, 0, lockout), 600)
  assert.equal(lengthOf({ tried: UDP, forgeable: false }, 0, { ...DEFAULTS, firstUdp: 'forever' }), 'forever')
})

test('what anybody could have forged lasts a day at most, however often; what is set to last longer, that long', () => {
  const forged = (lockout: Parameters<typeof lengthOf>[2]) =>
    [0, 1, 2, 3, 1_000_000].map(before => lengthOf({ tried: TCP, forgeable: true }, before, lockout))
  assert.deepEqual(forged(DEFAULTS), [3600, 21_600, 86_400, 86_400, 86_400])
  const of = (toml: string) => parseSettings(`[lockout]\n${toml}`, 'test').lockout
  assert.deepEqual(forged(of('first = "3d"')), Array(5).fill(259_200))
  assert.deepEqual(forged(of('first = "forever"')), Array(5).fill('forever'))
  assert.deepEqual(forged(of('longest = "2h"')), [3600, 7200, 7200, 7200, 7200])
  assert.equal(forged(of('longest_forgeable = "30d"'))[4], 604_800, 'longest is the longest of all')
})
