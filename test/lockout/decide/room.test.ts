import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inRoom } from '../../../src/lockout/decide/room.ts'
import { type Flies, indexOfFlies } from '../../../src/lockout/flies.ts'
import type { Lockout } from '../../../src/lockout/lockout.ts'
import type { Fly } from '../../../src/terms/fly.ts'

const NOW = 1_000_000
const fly = (n: number) => `198.51.100.${n}` as Fly
const lockout = (n: number, until: number | 'forever'): Lockout => ({
  source: fly(n),
  because: 'by-hand',
  grade: 'by-hand',
  since: NOW,
  until,
  times: 1,
})

function makeRoom(coming: readonly Lockout[], flies: Flies, size: number, isHopeless = false) {
  const { enter, leave } = inRoom(coming, flies, { size, isHopeless }, NOW)
  assert.ok(leave.every(({ inKernel, release }) => inKernel && release.because === 'no-room'))
  return { lockouts: enter, leaving: leave.flatMap(({ flies }) => flies) }
}

function full(size: number, until: (n: number) => number) {
  const flies = indexOfFlies()
  for (let n = 0; n < size; n++) flies.put(fly(n), { since: 0, until: until(n) })
  return flies
}

test('the shortest-lived make room', () => {
  const flies = full(16, n => NOW + 1000 * (n + 1))
  const room = makeRoom([lockout(100, NOW + 60_000), lockout(101, 'forever')], flies, 16)
  assert.deepEqual(room.leaving, [fly(0), fly(1)])
  assert.equal(room.lockouts.length, 2)
})

test('those whose time is over need not make room when they are swept: theirs is free', () => {
  const flies = full(16, n => (n < 4 ? NOW : NOW + 1000))
  flies.sweep(NOW)
  assert.deepEqual(makeRoom([lockout(100, NOW + 60_000)], flies, 16).leaving, [])
  assert.equal(flies.taken('flypaper'), 12)
})

test('nobody makes room for those who would stay shorter', () => {
  const flies = full(16, () => Number.POSITIVE_INFINITY)
  assert.deepEqual(makeRoom([lockout(100, NOW + 60_000)], flies, 16), { lockouts: [], leaving: [] })
})

test('who would stay longest comes first when there is room for some', () => {
  const flies = full(15, () => Number.POSITIVE_INFINITY)
  const coming = [lockout(100, NOW + 1000), lockout(101, NOW + 3000), lockout(102, NOW + 2000)]
  assert.deepEqual(
    makeRoom(coming, flies, 16).lockouts.map(({ source }) => source),
    [fly(101)],
  )
})

test('each family has its own room', () => {
  const flies = full(16, () => NOW + 1000)
  const six: Lockout = { ...lockout(1, NOW + 5000), source: '2001:db8::/64' as Fly }
  assert.deepEqual(makeRoom([six], flies, 16).leaving, [])
})

test('a large set makes room for many at once, since finding them means to look at all', () => {
  const flies = indexOfFlies()
  for (let n = 0; n < 6400; n++)
    flies.put(`10.0.${n >> 8}.${n & 255}` as Fly, { since: 0, until: NOW + n + 1 })
  assert.equal(makeRoom([lockout(100, NOW + 60_000)], flies, 6400).leaving.length, 100)
})

test('where nobody could make room a moment ago nobody is looked for: who fits comes in, in order; a prefix has room of its own', () => {
  const flies = full(15, () => NOW + 1000)
  const net: Lockout = { ...lockout(1, NOW + 5000), source: '203.0.113.0/24' as Fly }
  const coming = [lockout(100, NOW + 1000), lockout(101, 'forever'), net]
  const { lockouts, leaving } = makeRoom(coming, flies, 16, true)
  assert.deepEqual([lockouts.map(({ source }) => source), leaving], [[fly(100), net.source], []])
})

test('a prefix comes in whatever else is full', () => {
  const net: Lockout = { ...lockout(1, NOW + 5000), source: '203.0.113.0/24' as Fly }
  const flies = full(16, () => Number.POSITIVE_INFINITY)
  assert.deepEqual(makeRoom([net, lockout(100, NOW + 5000)], flies, 16).lockouts, [net])
})
