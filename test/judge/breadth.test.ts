/** Which IPv6 prefixes are suspect: many networks, each with a closed port of its own, within an hour. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BREADTH, BREADTH_PREFIXES_MAX, BREADTH_SECONDS, openBreadth } from '../../src/judge/breadth.ts'
import { keyBytes } from '../../src/terms/address-bytes.ts'

const NOW = 1_000_000
const HOUR = BREADTH_SECONDS * 1000

/** A source in this /48 (by number), /56 and /64 of it. */
function sourceOf(site: number, line: number, network: number): Uint8Array {
  const last = ((line << 8) | network).toString(16)
  return keyBytes(`2001:db8:${site.toString(16)}:${last}::7` as never)
}

function watched() {
  const breadth = openBreadth()
  const saw = (line: number, network: number, port: number, { site = 7, now = NOW } = {}) =>
    breadth.saw(sourceOf(site, line, network), `tcp/${port}`, now).map(({ text }) => text)
  return Object.assign(saw, { breadth })
}

/** All numbers below `count`. */
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

test('sixteen networks of a /56 with a closed port each make it suspect, told once an hour; fifteen do not', () => {
  const saw = watched()
  assert.deepEqual(
    range(BREADTH - 1).flatMap(i => saw(5, i, i)),
    [],
  )
  assert.deepEqual(saw(5, 15, 15), ['2001:db8:7:500::/56'])
  assert.deepEqual(saw(5, 16, 16), [], 'no news')
  assert.deepEqual(
    range(BREADTH).flatMap(i => saw(6, i, 100 + i)),
    ['2001:db8:7:600::/56'],
    'the next line',
  )
})

test('sixteen /56s of a /48 with a closed port each make it suspect', () => {
  const saw = watched()
  assert.deepEqual(
    range(BREADTH).flatMap(i => saw(i, i, i)),
    ['2001:db8:7::/48'],
  )
  assert.deepEqual(
    range(BREADTH).flatMap(i => saw(i, i, i, { site: 8 + i })),
    [],
    'each of another /48',
  )
})

test('one port of many networks, and many ports of one network, are none: a wrong record, a single scanner', () => {
  const saw = watched()
  assert.deepEqual(
    range(256).flatMap(i => saw(5, i, 81)),
    [],
  )
  assert.deepEqual(
    range(256).flatMap(i => saw(i, 1, 443)),
    [],
  )
  assert.deepEqual(
    range(1000).flatMap(port => saw(5, 1, port, { site: 9 })),
    [],
  )
  assert.deepEqual(
    range(1000).flatMap(i => saw(5, i % 15, i, { site: 10 })),
    [],
    'fifteen networks',
  )
  assert.deepEqual(
    range(256).flatMap(i => saw(5, i, i % 15, { site: 11 })),
    [],
    'fifteen ports',
  )
})

test('what is older than the window does not count; who goes on is told again when his hour is over', () => {
  const saw = watched()
  for (const i of range(BREADTH - 1)) saw(5, i, i)
  assert.deepEqual(saw(5, 15, 15, { now: NOW + HOUR }), [], 'all others are over')
  const later = (i: number) => ({ now: NOW + 2 * HOUR + (i * HOUR) / 20 })
  const told = range(60).flatMap(i => saw(6, i, i, later(i)).map(text => `${i} ${text}`))
  assert.deepEqual(told, ['15 2001:db8:7:600::/56', '35 2001:db8:7:600::/56', '55 2001:db8:7:600::/56'])
})

test('what the kernel may have lost is told again; what a person freed begins anew', () => {
  const saw = watched()
  for (const i of range(BREADTH)) saw(5, i, i)
  saw.breadth.tellAgain()
  assert.deepEqual([saw(5, 3, 3), saw(5, 3, 3)], [['2001:db8:7:500::/56'], []])
  saw.breadth.forgetAll()
  assert.deepEqual(
    range(BREADTH - 1).flatMap(i => saw(5, i, i)),
    [],
  )
  assert.deepEqual(saw(5, 15, 15), ['2001:db8:7:500::/56'])
})

test('the memory is bounded: the prefix that has been quiet longest makes room', () => {
  const saw = watched()
  const fifteen = (site: number) => range(BREADTH - 1).flatMap(i => saw(5, i, i, { site }))
  fifteen(1)
  fifteen(2)
  for (const site of range(BREADTH_PREFIXES_MAX - 2)) saw(5, 1, 1, { site: 10 + site })
  assert.deepEqual(saw(5, 15, 15, { site: 2 }), ['2001:db8:2:500::/56'], 'just full')
  saw(5, 1, 1, { site: 9999 })
  assert.deepEqual(saw(5, 15, 15, { site: 1 }), [], 'forgotten')
})

test('property: suspect only with sixteen networks and sixteen ports, and always with as many pairs of their own, in whatever order', () => {
  let seed = 20_261_201
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  let [suspect, free] = [0, 0]
  for (const site of range(400)) {
    const saw = watched()
    const [networks, ports] = [1 + random(40), 1 + random(40)]
    const tries = range(random(200)).map(() => [random(networks), random(ports)] as const)
    const told = tries.flatMap(([network, port]) => saw(5, network, port, { site }))
    const seenNetworks = new Set(tries.map(([network]) => network)).size
    const seenPorts = new Set(tries.map(([, port]) => port)).size
    if (told.length > 0) {
      suspect++
      assert.ok(Math.min(seenNetworks, seenPorts) >= BREADTH)
    } else free++

    const own = watched()
    const pairs = range(BREADTH + random(40)).map(i => [i, 1000 + i] as const)
    const shuffled = pairs.map(pair => [random(1 << 20), pair] as const).sort(([a], [b]) => a - b)
    const all = shuffled.flatMap(([, [network, port]]) => own(5, network, port, { site }))
    assert.deepEqual(all.length, 1)
  }
  assert.ok(suspect > 20 && free > 20, `${suspect} suspect, ${free} free`)
})
