import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { Outlet } from '../../src/system/outlet.ts'
import { WAITING_BYTES, waitingLines } from '../../src/system/waiting-lines.ts'

/** An outlet that takes so many bytes, until there is room for more. */
function slow(room: number) {
  let text = ''
  let offers = 0
  const outlet: Outlet = {
    callsBack: false,
    offer(bytes) {
      offers++
      const taken = Math.min(room, bytes.length)
      text += bytes.toString('latin1', 0, taken)
      room -= taken
      return taken
    },
    [Symbol.dispose]() {},
  }
  return {
    open: () => outlet,
    text: () => text,
    offers: () => offers,
    give(bytes: number) {
      room += bytes
    },
  }
}

const lossLine = (lost: number) => Buffer.from(`(${lost} lost)\n`)

test('lines wait for whoever is slow, and come in order, each whole', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const outlet = slow(5)
  const lines = waitingLines(outlet.open, lossLine)
  for (const line of ['one\n', 'two\n', 'three\n']) lines.write(Buffer.from(line))
  assert.equal(outlet.text(), 'one\nt')
  outlet.give(4)
  mock.timers.tick(1000)
  assert.equal(outlet.text(), 'one\ntwo\nt')
  outlet.give(100)
  mock.timers.tick(1000)
  assert.equal(outlet.text(), 'one\ntwo\nthree\n')
  assert.equal(lines.lost(), 0)
  mock.timers.reset()
})

test('what memory does not keep is lost: one sentence tells how many, in their place', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const outlet = slow(0)
  const lines = waitingLines(outlet.open, lossLine)
  const line = Buffer.from(`${'x'.repeat(1023)}\n`)
  const kept = WAITING_BYTES / line.length
  for (let n = 0; n < kept + 7; n++) lines.write(line)
  assert.equal(lines.lost(), 7)
  assert.ok(outlet.offers() < 3, 'nobody is asked for each line')
  outlet.give(line.length)
  mock.timers.tick(1000)
  lines.write(line)
  assert.equal(lines.lost(), 8, 'there is room, but one sentence is to tell of all')
  outlet.give(WAITING_BYTES * 2)
  mock.timers.tick(1000)
  lines.write(Buffer.from('again\n'))
  assert.ok(outlet.text() === `${line.toString().repeat(kept)}(8 lost)\nagain\n`, outlet.text().slice(-100))
  assert.equal(lines.lost(), 8)
  mock.timers.reset()
})

test('whoever never reads is asked once a second in the long run, and not waited for at the end', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const outlet = slow(0)
  const lines = waitingLines(outlet.open, lossLine)
  lines.write(Buffer.from('line\n'))
  mock.timers.tick(10_000)
  const before = outlet.offers()
  for (let second = 0; second < 100; second++) mock.timers.tick(1000)
  assert.ok(outlet.offers() - before <= 101, `${outlet.offers() - before}`)
  mock.timers.reset()
  lines[Symbol.dispose]()
  assert.ok(outlet.offers() - before <= 250)
})
