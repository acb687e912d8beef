import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pacedLooks } from '../../src/surface/cli/paced-looks.ts'

/** Looks whose reading lasts until the test ends it. */
function looking() {
  const ends: (() => void)[] = []
  let acted = 0
  const looks = pacedLooks({
    read: () => new Promise(resolve => ends.push(resolve)),
    act: async () => void acted++,
  })
  const begun = async (count: number) => {
    while (ends.length < count) await sleep(5)
    assert.equal(ends.length, count)
  }
  return { looks, ends, begun, acted: () => acted }
}

test('one look at a time; whatever is asked for meanwhile is one more', async () => {
  const { looks, ends, begun, acted } = looking()
  looks.now()
  looks.now()
  looks.now()
  assert.deepEqual([ends.length, acted()], [1, 0])
  ends[0]!()
  await begun(2)
  assert.equal(acted(), 1)
  ends[1]!()
  await sleep(300)
  assert.deepEqual([ends.length, acted()], [2, 2])
  looks[Symbol.dispose]()
})

test('changes that come together are one look, and nothing is done when all is over', async () => {
  const { looks, ends, begun, acted } = looking()
  for (let i = 0; i < 10; i++) looks.soon()
  assert.equal(ends.length, 0)
  await begun(1)
  looks.soon()
  looks[Symbol.dispose]()
  ends[0]!()
  await sleep(300)
  assert.deepEqual([ends.length, acted()], [1, 0])
})
