import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchIdle } from '../../../src/surface/web/idle.ts'

test('nobody looks when nobody has asked for long enough and nobody is connected', async () => {
  let connected = 1
  let looks = 0
  let time = 0
  const count = async () => {
    looks++
    return connected
  }
  using idle = watchIdle(count, () => time, 20)
  let isOver = false
  void idle.isIdle.then(() => {
    isOver = true
  })
  const look = async () => {
    const before = looks
    while (looks < before + 2) await sleep(1)
  }
  time = 100
  await look()
  assert.equal(isOver, false, 'who follows the events asks for nothing, and is there')
  connected = 0
  time = 119
  await look()
  assert.equal(isOver, false, 'he was there just now')
  idle.looked()
  time = 138
  await look()
  assert.equal(isOver, false, 'somebody asked meanwhile')
  time = 139
  await idle.isIdle
  assert.equal(isOver, true)
})
