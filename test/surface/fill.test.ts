import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedText } from '../../src/surface/metrics/cached.ts'
import { COUNT_MAX, COUNT_REST, kernelFill } from '../../src/surface/metrics/fill.ts'

/** Sets that take so many seconds to be counted, on a clock that only they move. */
function slowSets(seconds: number) {
  const sets = {
    now: 100,
    counts: 0,
    most: [] as number[],
    clock: () => sets.now,
    async count(_: string, most: number) {
      sets.most.push(most)
      sets.now += seconds / 6
      return ++sets.counts
    },
  }
  return sets
}

test('the sets are counted at most every 15 s, and the counting rests twenty times as long as it took', async () => {
  const quick = slowSets(0)
  const filled = kernelFill(quick, quick.clock)
  assert.equal((await filled()).flypaper_hold, 1)
  for (let i = 0; i < 100; i++) assert.equal((await filled()).flypaper_hold, 1)
  assert.deepEqual(quick.most, Array(6).fill(COUNT_MAX))
  quick.now += 15
  assert.equal((await filled()).flypaper_hold, 7)

  const slow = slowSets(6)
  const slowly = kernelFill(slow, slow.clock)
  await slowly()
  slow.now += 6 * COUNT_REST - 1
  await slowly()
  assert.equal(slow.counts, 6)
  slow.now += 2
  await slowly()
  assert.equal(slow.counts, 12)
})

test('a count that takes long keeps nobody waiting, and is begun once', async () => {
  const counted = Promise.withResolvers<number>()
  let begun = 0
  const count = () => {
    begun++
    return counted.promise
  }
  const filled = kernelFill({ count }, () => 0)
  assert.deepEqual(await Promise.all([filled(), filled()]), [{}, {}])
  counted.resolve(4)
  await new Promise(resolve => setImmediate(resolve))
  assert.equal((await filled()).flypaper_known6, 4)
  assert.equal(begun, 6)
})

test('sets that cannot be counted are told, and tried again later', async () => {
  let tries = 0
  let now = 0
  const count = async () => {
    tries++
    throw new Error('not permitted')
  }
  const filled = kernelFill({ count }, () => now)
  await assert.rejects(filled(), /not permitted/)
  assert.deepEqual(await filled(), {})
  now += 15
  await assert.rejects(filled(), /not permitted/)
  assert.equal(tries, 2)
})

test('the text is made once a second, whatever comes of it', async () => {
  let now = 0
  let made = 0
  const text = cachedText(
    async () => {
      if (++made === 2) throw new Error('not now')
      return `${made} μ`
    },
    () => now,
  )
  for (let i = 0; i < 100; i++) assert.equal(Buffer.from(await text()).toString(), '1 μ')
  now = 1
  for (let i = 0; i < 100; i++) await assert.rejects(text(), /not now/)
  now = 2
  assert.equal(Buffer.from(await text()).toString(), '3 μ')
})
