import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFERRED_MAX, openPromotion } from '../../src/lockout/promotion.ts'
import type { Fly } from '../../src/terms/fly.ts'

const NOW = 1_000_000
const fly = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as Fly
const flies = (from: number, count: number) => Array.from({ length: count }, (_, i) => fly(from + i))
const never = () => false
const onePort =
  (cameBefore: (fly: Fly) => boolean, port = 'tcp/81') =>
  (fly: Fly) => ({ tried: [port], cameBefore: cameBefore(fly) })
/** With the same limit at each call; all of them have tried one port. */
function promotionOf(limit: { perSecond: number; burst: number }) {
  const { admit, deferred } = openPromotion()
  return {
    deferred,
    admit: (candidates: readonly Fly[], now: number, cameBefore: (fly: Fly) => boolean) =>
      admit(candidates, limit, now, onePort(cameBefore)),
  }
}

test('newcomers: the burst less the share of those who come again, then so many a second', () => {
  const promotion = promotionOf({ perSecond: 10, burst: 500 })
  assert.equal(promotion.admit(flies(0, 50_000), NOW, never).length, 400)
  assert.equal(promotion.deferred(), 49_600)
  assert.equal(promotion.admit(flies(50_000, 100), NOW + 1000, never).length, 10)
  assert.equal(promotion.admit(flies(60_000, 100), NOW + 3_600_000, never).length, 100, 'after a quiet hour')
})

test('those who come again go first: by the past, or because they were deferred lately', () => {
  const promotion = promotionOf({ perSecond: 10, burst: 500 })
  promotion.admit(flies(0, 1000), NOW, never)
  const old = fly(99_999)
  const admitted = promotion.admit([...flies(2000, 1000), fly(999), old], NOW, it => it === old)
  assert.deepEqual([...admitted], [fly(999), old])
  assert.equal(
    promotion.admit(flies(500, 499), NOW, never).length,
    48,
    'and no more than the bucket holds, less the share of those with several ports',
  )
})

test('no limit', () => {
  const promotion = promotionOf({ perSecond: 0, burst: 1 })
  assert.equal(promotion.admit(flies(0, 5000), NOW, never).length, 5000)
  assert.equal(promotion.deferred(), 0)
})

test('a clock that goes back gives nothing and takes nothing', () => {
  const promotion = promotionOf({ perSecond: 10, burst: 10 })
  assert.equal(promotion.admit(flies(0, 10), NOW, never).length, 8)
  assert.equal(promotion.admit(flies(10, 10), NOW - 3_600_000, never).length, 0)
  assert.equal(promotion.admit(flies(20, 10), NOW - 3_600_000 + 1000, never).length, 8)
})

test('the memory of the deferred is bounded', () => {
  const promotion = promotionOf({ perSecond: 1, burst: 1 })
  promotion.admit(flies(0, 2), NOW, () => false)
  promotion.admit(flies(10, DEFERRED_MAX), NOW, () => false)
  const [first] = promotion.admit([fly(20)], NOW + 1000, () => false)
  assert.equal(first, fly(20), 'remembered: it may use the last token')
})

test('another limit counts from the next time on, with what is left of the old one', () => {
  const promotion = openPromotion()
  assert.equal(promotion.admit(flies(0, 10), { perSecond: 1, burst: 5 }, NOW, onePort(never)).length, 4)
  assert.equal(promotion.admit(flies(10, 10), { perSecond: 10, burst: 500 }, NOW, onePort(never)).length, 0)
  assert.equal(
    promotion.admit(flies(20, 300), { perSecond: 10, burst: 500 }, NOW + 30_000, onePort(never)).length,
    201,
  )
  assert.equal(
    promotion.admit(flies(400, 10), { perSecond: 0, burst: 1 }, NOW + 30_000, onePort(never)).length,
    10,
  )
})

test('who has tried several ports is before whoever comes again with one: a scanner is not lost among forged returners', () => {
  const { admit } = openPromotion()
  const limit = { perSecond: 10, burst: 500 }
  const scanner = fly(9_999_999)
  // A thousand a second, each source every twenty seconds, and so does the scanner, by another port each time.
  const visits = (tries: (visit: number) => string) => {
    for (let visit = 1; visit <= 100; visit++)
      for (let second = 0; second < 20; second++) {
        const now = NOW + (20 * visit + second) * 1000
        const forged = flies(1000 * second, 1000)
        const admitted = admit(second === 10 ? [...forged, scanner] : forged, limit, now, one => ({
          tried: [one === scanner ? tries(visit) : 'tcp/81'],
          cameBefore: false,
        }))
        if (admitted.includes(scanner)) return visit
      }
    return Number.POSITIVE_INFINITY
  }
  assert.equal(
    visits(visit => `tcp/${visit}`),
    3,
  )
  assert.ok(visits(() => 'tcp/81') > 100, 'the control: by one port it is one of them')
})

test('ports of a visit before count once', () => {
  const { admit } = openPromotion()
  const limit = { perSecond: 1, burst: 30 }
  const tried = (...ports: string[]) =>
    admit([fly(1)], limit, NOW, () => ({ tried: ports, cameBefore: false }))
  // No more than the share of those with several ports is left.
  assert.equal(admit(flies(100, 24), limit, NOW, onePort(never)).length, 24)
  assert.equal(
    admit(
      flies(200, 3),
      limit,
      NOW,
      onePort(() => true),
    ).length,
    3,
  )
  assert.deepEqual(tried('tcp/1'), [])
  assert.deepEqual(tried('tcp/1'), [])
  assert.deepEqual(tried('tcp/2'), [])
  assert.deepEqual(tried('tcp/3'), [fly(1)])
})
