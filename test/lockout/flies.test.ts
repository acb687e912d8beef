/** The index of flies beside a Map that keeps the same, in whatever order flies come, go and end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { indexOfFlies, namesOf, type Term } from '../../src/lockout/flies.ts'
import { overlaps, parsePrefix } from '../../src/terms/address.ts'
import { type Fly, isNet, prefixOf, setOf } from '../../src/terms/fly.ts'
import { prefixSet } from '../../src/terms/prefix-set.ts'
import { eventually } from '../support/eventually.ts'

const NOW = 1000

/** Few, so that they meet again; of all kinds, also the one that is written with dots and colons. */
const FLIES = [
  ...Array.from({ length: 12 }, (_, n) => `203.0.113.${n}`),
  ...['0.0.0.0', '255.255.255.255', '10.0.0.0/8', '192.0.2.0/25', '2001:db8::/32', 'fd00::/65'],
  ...['::/64', '2001:db8::/64', '2001:db8:0:1::/64', 'ffff:ffff:ffff:ffff::/64', '1:0:0:1::/64'],
  ...['::1', '2001:db8::', '2001:db8::1', '1:2:3:4:5:6:7:8', '2001:db8::1:0:0:1', 'fe80::abcd:0:0'],
  ...['::ffff:192.0.2.1'],
] as Fly[]
const WITHIN = ['0.0.0.0/0', '203.0.113.0/29', '203.0.113.5', '192.0.2.7', '::/0', '2001:db8::/63'].concat([
  '2001:db8::/64',
  '2001:db8::1',
  'ffff::/16',
  '10.1.0.0/16',
])

const fly = fc.constantFrom(...FLIES)
const term = fc.record({
  since: fc.integer({ min: 0, max: NOW }),
  until: fc.oneof(fc.integer({ min: -10, max: 2 * NOW }), fc.constant(Number.POSITIVE_INFINITY)),
})
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: fly, term }) },
  { weight: 3, arbitrary: fc.record({ remove: fly }) },
  { weight: 1, arbitrary: fc.record({ sweep: fc.integer({ min: 0, max: NOW }) }) },
  { weight: 1, arbitrary: fc.record({ shift: fc.integer({ min: -NOW, max: NOW }) }) },
)

test('it knows what a Map would know', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const flies = indexOfFlies()
      const map = new Map<Fly, Term>()
      for (const one of steps) {
        if ('put' in one) {
          flies.put(one.put, one.term)
          map.set(one.put, one.term)
        } else if ('remove' in one) {
          flies.delete(one.remove)
          map.delete(one.remove)
        } else if ('sweep' in one) {
          flies.sweep(one.sweep)
          for (const [fly, { until }] of map) if (until <= one.sweep) map.delete(fly)
        } else {
          flies.shift(one.shift)
          for (const [fly, { since, until }] of map)
            map.set(fly, { since: since + one.shift, until: until + one.shift })
        }
      }
      same(flies, map)
    }),
    { numRuns: 500 },
  )
})

function same(flies: ReturnType<typeof indexOfFlies>, map: ReadonlyMap<Fly, Term>): void {
  const alive = [...map].filter(([, { until }]) => until > NOW)
  const names = alive.map(([fly]) => fly)
  assert.deepEqual(new Map(flies), new Map([...map].map(([fly, term]) => [fly, { ...term }])))
  for (const fly of FLIES) {
    assert.equal(flies.has(fly), map.has(fly), fly)
    assert.deepEqual(flies.get(fly, NOW), names.includes(fly) ? { ...map.get(fly) } : undefined, fly)
  }
  assert.equal(flies.count(NOW), alive.length)
  assert.deepEqual(sorted([...flies.timed(() => NOW)].map(({ fly }) => fly)), sorted(names))
  assert.deepEqual(sorted(flies.nets(NOW)), sorted(names.filter(isNet)))
  for (const set of ['flypaper', 'flypaper6', 'flypaper_nets', 'flypaper_nets6'] as const) {
    const isIn = ([fly]: readonly [Fly, Term]) => setOf(fly) === set
    assert.equal(flies.fill(NOW)[set], alive.filter(isIn).length)
    assert.equal(flies.taken(set), [...map].filter(isIn).length)
  }
  for (const text of WITHIN) {
    const prefix = parsePrefix(text)!
    const single = prefix.length === (prefix.family === 4 ? 32 : 128)
    const found = names.filter(fly =>
      single ? namesOf(prefix).includes(fly) : overlaps(prefix, prefixOf(fly)),
    )
    assert.deepEqual(
      sorted(
        single
          ? namesOf(prefix).filter(fly => flies.get(fly, NOW) !== undefined)
          : [...flies.matching(prefixSet([prefix]), NOW)].flat(),
      ),
      sorted(found),
      text,
    )
  }
  const shortest = flies.shortest('flypaper', 3, 1500).map(fly => map.get(fly)!.until)
  const all = [...map].filter(([fly, { until }]) => setOf(fly) === 'flypaper' && until < 1500)
  assert.deepEqual(
    shortest,
    all
      .map(([, { until }]) => until)
      .sort((a, b) => a - b)
      .slice(0, 3),
  )
}

const sorted = (flies: readonly Fly[]) => [...flies].sort()

const nth = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` as Fly

test('many come, go and come again: each is found, and room that was left is taken again', () => {
  const flies = indexOfFlies()
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 50_000; n++) flies.put(nth(n), { since: n, until: NOW + n })
    assert.equal(flies.taken('flypaper'), 50_000)
    for (let n = 0; n < 50_000; n += 2) flies.delete(nth(n))
    for (let n = 0; n < 50_000; n++) assert.equal(flies.has(nth(n)), n % 2 === 1)
  }
  assert.deepEqual(flies.get(nth(49_999), NOW), { since: 49_999, until: NOW + 49_999 })
  assert.deepEqual(
    flies.shortest('flypaper', 1000, Number.POSITIVE_INFINITY),
    Array.from({ length: 1000 }, (_, n) => nth(2 * n + 1)),
  )
  flies.clear()
  assert.deepEqual([...flies], [])
  assert.equal(flies.has(nth(1)), false)
})

test('whoever reads it while others come and go misses nobody who stays, and meets nobody twice', () => {
  const flies = indexOfFlies()
  for (let n = 0; n < 2000; n++) flies.put(nth(n), { since: 0, until: n % 3 === 0 ? NOW : 2 * NOW })
  const met: Fly[] = []
  for (const [fly] of flies) {
    met.push(fly)
    if (met.length === 500) flies.sweep(NOW)
    if (met.length % 10 === 0) flies.put(nth(10_000 + met.length), { since: 0, until: 2 * NOW })
    if (met.length > 10_000) break
  }
  assert.equal(new Set(met).size, met.length)
  for (let n = 0; n < 2000; n++) if (n % 3 !== 0) assert.ok(met.includes(nth(n)), nth(n))
})

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

test('a million flies take less than 40 bytes each', async () => {
  const flies = indexOfFlies()
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  for (let n = 0; n < 1_000_000; n++) flies.put(nth(n), { since: n, until: NOW + n })
  assert.equal(flies.count(NOW - 1), 1_000_000)
  // What was outgrown is given back by another thread.
  let bytes = 0
  await eventually(
    () => `less than 40 bytes a fly, now ${bytes}`,
    () => {
      collectGarbage()
      bytes = (process.memoryUsage().arrayBuffers - before) / 1_000_000
      return bytes < 40
    },
  )
  assert.ok(bytes > 20, `${bytes} bytes a fly`)
})
