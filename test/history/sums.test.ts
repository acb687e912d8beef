import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { type Prefix, parsePrefix, widen } from '../../src/terms/address.ts'
import { HOUR, lockout } from './lockouts.ts'

const BEGIN = new Date(2026, 0, 2).getTime()
const SOURCES = [
  '69.0.231.79',
  '69.0.231.80',
  '255.255.255.255',
  '0.0.1.2',
  '2001:db8:1:2::/64',
  '2001:db8:1:3::/64',
  '2001:db8:0:1::/64',
  '2001:db8::/64',
  '2001:0:5:6::/64',
  '2001:0:0:6::/64',
  '::1:2:3:4',
  '64:ff9b::c000:201',
]

const anyLockout = fc.record({
  source: fc.constantFrom(...SOURCES),
  hours: fc.integer({ min: 0, max: 30 }),
  port: fc.constantFrom(0, 22, 80, 65_535),
  byHand: fc.boolean(),
})

test('sums are what counting by hand gives, whoever came how often', () => {
  fc.assert(
    fc.property(fc.array(anyLockout, { maxLength: 40 }), fc.integer({ min: 0, max: 10 }), (all, from) => {
      using history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
      let at = BEGIN
      const lockouts = all.map(({ source, hours, port, byHand }) => {
        at += hours * HOUR
        const times =
          (history.pastOf([source as Lockout['source']]).get(source as Lockout['source'])?.times ?? 0) + 1
        const tried = { kind: 'tcp', port, from: 1, flags: 2 } as const
        const one = lockout({ source, since: at, times, tried, ...(byHand && { because: 'by-hand' }) })
        history.add([one])
        return one
      })
      const since = BEGIN + from * 10 * HOUR
      const { days, attackers, attackers6, networks, ports, repeaters, reasons, ...rest } =
        history.sums(since)
      const later = lockouts.filter(one => one.since >= since)
      const attacks = later.filter(({ because }) => because !== 'by-hand')
      const sources = [...new Set(attacks.map(({ source }) => source as string))]
      assert.equal(rest.lockouts, attacks.length)
      assert.equal(attackers, sources.length)
      assert.equal(attackers6, sources.filter(source => source.includes(':')).length)
      same(
        days,
        ({ day, attackers }) => [day, attackers],
        countBy(
          new Set(attacks.map(one => `${dayOf(one.since)} ${one.source}`)),
          text => text.split(' ')[0]!,
        ),
      )
      same(networks, ({ network, attackers }) => [network, attackers], countBy(sources, networkOf))
      same(
        ports,
        ({ number, lockouts }) => [String(number), lockouts],
        countBy(attacks, ({ tried }) => String(tried?.kind === 'tcp' && tried.port)),
      )
      same(
        reasons,
        ({ because, lockouts }) => [because, lockouts],
        countBy(later, ({ because }) => because),
      )
      for (const { source, times } of repeaters)
        assert.equal(times, Math.max(...attacks.filter(one => one.source === source).map(one => one.times)))
      assert.equal(
        repeaters.length,
        new Set(attacks.filter(one => one.times > 1).map(one => one.source)).size,
      )
    }),
    { numRuns: 50 },
  )
})

test('of many, the ten highest', () => {
  using history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  const many = Array.from({ length: 2500 }, (_, n) =>
    lockout({ source: `10.0.${n >> 8}.${n & 255}`, since: BEGIN + n, times: ((n * 7919) % 2500) + 1 }),
  )
  history.add(many)
  const { repeaters, networks, ports } = history.sums(BEGIN)
  assert.deepEqual(
    repeaters.map(({ times }) => times),
    [2500, 2499, 2498, 2497, 2496, 2495, 2494, 2493, 2492, 2491],
  )
  assert.deepEqual(
    networks.map(({ attackers }) => attackers),
    [256, 256, 256, 256, 256, 256, 256, 256, 256, 196],
  )
  assert.deepEqual(ports, [{ proto: 'tcp', number: 20_000, lockouts: 2500 }])
})

/** Entries in any order. */
function same<T>(
  told: readonly T[],
  entry: (one: T) => [string, number],
  expected: Map<string, number>,
): void {
  assert.deepEqual(new Map(told.map(entry)), expected)
}

function countBy<T>(all: Iterable<T>, key: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of all) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1)
  return counts
}

function dayOf(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 10)
}

function networkOf(source: string): string {
  const prefix: Prefix = parsePrefix(source)!
  return widen(prefix, prefix.family === 4 ? 24 : 48).text
}
