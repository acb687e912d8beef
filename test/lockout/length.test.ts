import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { lengthOf } from '../../src/lockout/length.ts'
import type { Seconds } from '../../src/terms/duration.ts'

const seconds = (n: number) => n as Seconds
const DEFAULTS = { first: seconds(3600), firstUdp: seconds(600), factor: 6, longest: seconds(604_800) }
const TCP: Tried = { kind: 'tcp', port: 81, from: 1024, flags: 2 }
const UDP: Tried = { kind: 'udp', port: 81, from: 1024 }
const times = (tried: Tried, lockout: Parameters<typeof lengthOf>[2]) =>
  [0, 1, 2, 3, 4].map(before => lengthOf(tried, before, lockout))

test('six times longer each time, and never longer than longest', () => {
  assert.deepEqual(times(TCP, DEFAULTS), [3600, 21_600, 129_600, 604_800, 604_800])
  assert.deepEqual(times(UDP, DEFAULTS), [600, 3600, 21_600, 129_600, 604_800])
  assert.equal(lengthOf({ kind: 'icmp', type: 13, code: 0 }, 0, DEFAULTS), 3600)
})

test('however often somebody comes, it stays a number of seconds', () => {
  assert.equal(lengthOf(TCP, 1_000_000, DEFAULTS), 604_800)
  assert.equal(lengthOf(TCP, 1_000_000, { ...DEFAULTS, factor: 1 }), 3600)
})

test('without a longest one it ends in for ever, before a kernel would refuse the number', () => {
  const lockout = { ...DEFAULTS, longest: 'forever' as const }
  assert.deepEqual(times(TCP, lockout), [3600, 21_600, 129_600, 777_600, 4_665_600])
  assert.equal(lengthOf(TCP, 7, lockout), 3600 * 6 ** 7)
  assert.equal(lengthOf(TCP, 8, lockout), 'forever')
  assert.equal(lengthOf(TCP, 1_000_000, lockout), 'forever')
})

test('for ever at once, as in 2006; each of TCP and UDP for itself', () => {
  const lockout = { ...DEFAULTS, first: 'forever' as const }
  assert.equal(lengthOf(TCP, 0, lockout), 'forever')
  assert.equal(lengthOf(UDP, 0, lockout), 600)
  assert.equal(lengthOf(UDP, 0, { ...DEFAULTS, firstUdp: 'forever' }), 'forever')
})
