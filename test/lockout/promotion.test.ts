import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFERRED_MAX, openPromotion } from '../../src/lockout/promotion.ts'
import type { Fly } from '../../src/terms/fly.ts'

const NOW = 1_000_000
const fly = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as Fly
const flies = (from: number, count: number) => Array.from({ length: count }, (_, i) => fly(from + i))
const never = () => false
/** With the same limit at each call. */
function promotionOf(limit: { perSecond: number; burst: number }) {
  const { admit, deferred } = openPromotion()
  return {
    deferred,
    admit: (candidates: readonly Fly[], now: number, cameBefore: (fly: Fly) => boolean) =>
      admit(candidates, limit, now, cameBefore),
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
  assert.equal(promotion.admit(flies(500, 499), NOW, never).length, 98, 'and no more than the bucket holds')
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
  assert.equal(promotion.admit(flies(0, 10), { perSecond: 1, burst: 5 }, NOW, never).length, 4)
  assert.equal(promotion.admit(flies(10, 10), { perSecond: 10, burst: 500 }, NOW, never).length, 0)
  assert.equal(
    promotion.admit(flies(20, 300), { perSecond: 10, burst: 500 }, NOW + 30_000, never).length,
    201,
  )
  assert.equal(promotion.admit(flies(400, 10), { perSecond: 0, burst: 1 }, NOW + 30_000, never).length, 10)
})
