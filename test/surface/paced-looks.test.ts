import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pacedLooks } from '../../src/surface/cli/paced-looks.ts'

/** Looks that last until the test ends them. */
function looking() {
  const ends: (() => void)[] = []
  let over: (() => boolean) | undefined
  const looks = pacedLooks(isOver => {
    over = isOver
    return new Promise(resolve => ends.push(resolve))
  })
  const begun = async (count: number) => {
    while (ends.length < count) await sleep(5)
    assert.equal(ends.length, count)
  }
  return { looks, ends, begun, isOver: () => over?.() }
}

test('one look at a time; whatever is asked for meanwhile is one more', async () => {
  const { looks, ends, begun } = looking()
  looks.now()
  looks.now()
  looks.now()
  assert.equal(ends.length, 1)
  ends[0]!()
  await begun(2)
  ends[1]!()
  looks[Symbol.dispose]()
})

test('changes that come together are one look, and none comes when all is over', async () => {
  const { looks, ends, begun, isOver } = looking()
  for (let i = 0; i < 10; i++) looks.soon()
  assert.equal(ends.length, 0)
  await begun(1)
  looks.soon()
  looks[Symbol.dispose]()
  assert.equal(isOver(), true, 'the look that goes on is told')
  ends[0]!()
  await sleep(300)
  assert.equal(ends.length, 1)
})
