/** What people order: lock, free, flush, pause; and the clock, which they may set. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { BEGIN, FIRST, fakeWorld, HOUR, turns, until } from '../support/fake-world.ts'
import { freed } from '../support/freed.ts'

const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)
const flyNames = (trap: { flies: Iterable<readonly [string, unknown]> }) =>
  [...trap.flies].map(([fly]) => fly).sort()
const seconds = (count: number) => count as Seconds
const wishes = (length: Seconds | 'forever' | undefined, ...texts: string[]) =>
  prefixes(...texts).map(prefix => ({ prefix, length }))
const ORDER = { by: 'anna', note: 'because', force: false }

test('locked out by hand: in the kernel, remembered, told; whom it refuses, and why', () => {
  const fake = fakeWorld()
  using trap = fake.open('never = ["203.0.113.9"]')
  const all = ['203.0.113.5', '198.51.100.0/24', '203.0.113.9', '192.0.2.1', '127.0.0.1']
  assert.deepEqual(trap.lock(wishes(seconds(600), ...all), ORDER), {
    locked: ['203.0.113.5', '198.51.100.0/24'],
    kept: [],
    refused: [
      { who: '203.0.113.9', why: 'never-list' },
      { who: '192.0.2.1', why: 'near' },
      { who: '127.0.0.1', why: 'no-host' },
    ],
  })
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': 600 })
  assert.deepEqual(fake.inKernel('flypaper_nets'), { '198.51.100.0/24': 600 })
  assert.equal(fake.history.count(fake.now()), 2)
  assert.equal(fake.eventsOf('lockout').length, 2)
})

test('the same list again and again: one event, one row, and nothing is written', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  const list = wishes(seconds(86_400), '203.0.113.5', '198.51.100.0/24')
  trap.lock(list, ORDER)
  const before = [fake.firewall.transactions.length, fake.told.length, fake.history.newest(9)]
  for (let minute = 0; minute < 60; minute++) {
    fake.pass(60_000)
    assert.deepEqual(trap.lock(list, ORDER).kept, ['203.0.113.5', '198.51.100.0/24'])
  }
  assert.deepEqual([fake.firewall.transactions.length, fake.told.length, fake.history.newest(9)], before)
  fake.pass(6 * HOUR)
  assert.deepEqual(trap.lock(list, ORDER).locked, ['203.0.113.5', '198.51.100.0/24'], 'a later end')
  assert.equal(fake.eventsOf('prolong').length, 2)
})

test('the longer end wins, unless the end is wanted exactly', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('203.0.113.5')])
  const lock = (length: Seconds | 'forever', exact = false) =>
    trap.lock(wishes(length, '203.0.113.5'), { ...ORDER, exact })
  assert.deepEqual(lock(seconds(60)).kept, ['203.0.113.5'])
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': 600 })
  assert.deepEqual(lock('forever').locked, ['203.0.113.5'])
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': undefined })
  assert.deepEqual(lock(seconds(60), true).locked, ['203.0.113.5'])
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': 60 })
  const { times, because, until } = fake.history.find('203.0.113.5' as Fly, fake.now())!
  assert.deepEqual([times, because, until], [1, 'closed-port', BEGIN + 60_000])
})

test('by hand into a full set: whoever would stay the shortest is refused as full, also when only the kernel knows', () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 0\nsizes.flypaper = 1000')
  fake.sockets.deliver(Array.from({ length: 1000 }, (_, n) => packet(`198.18.${n >> 8}.${n & 255}`)))
  assert.deepEqual(trap.lock(wishes(seconds(60), '203.0.113.5'), ORDER).refused, [
    { who: '203.0.113.5', why: 'full' },
  ])
  assert.deepEqual(trap.lock(wishes('forever', '203.0.113.5'), ORDER).locked, ['203.0.113.5'])
  for (let n = 0; n < 14; n++) fake.firewall.others.add('flypaper', `10.0.0.${n}`)
  assert.deepEqual(trap.lock(wishes('forever', '203.0.113.6'), ORDER), {
    locked: [],
    kept: [],
    refused: [{ who: '203.0.113.6', why: 'full' }],
  })
  assert.ok(!trap.flies.has('203.0.113.6' as Fly))
})

test('freed: whoever it meets begins anew, the count of different ports is forgotten', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  fake.firewall.others.add('flypaper_hold', '198.51.100.2', 20)
  const weak = (port: number) =>
    fake.sockets.deliver(
      ['198.51.100.1', '198.51.100.2', '203.0.113.1'].map(source => packet(source, port)),
      { channel: 'known' },
    )
  weak(1)
  weak(2)
  assert.deepEqual(await freed(trap, '198.51.100.0/24'), {
    flies: ['198.51.100.1'],
    held: ['198.51.100.2'],
  })
  assert.deepEqual([fake.inKernel(), fake.inKernel('flypaper_hold')], [{}, {}])
  assert.deepEqual(
    fake.eventsOf('free').map(({ source, by }) => [source, by]),
    [['198.51.100.1', 'root']],
  )
  weak(3)
  assert.deepEqual(flyNames(trap), ['203.0.113.1'])
})

test('flush in pieces while packets come: all who were flies are free, whoever came meanwhile with them, and it is told once', async () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 0')
  const many = Array.from({ length: 12_000 }, (_, n) => packet(`198.18.${n >> 8}.${n & 255}`))
  for (let at = 0; at < many.length; at += 1000) fake.sockets.deliver(many.slice(at, at + 1000))
  for (const port of [1, 2]) fake.sockets.deliver([packet('203.0.113.1', port)], { channel: 'peer' })
  const flushing = trap.flush('root')
  await turns(2)
  assert.ok(trap.flies.count(fake.now()) > 0)
  fake.sockets.deliver([packet('203.0.113.9')])
  assert.ok('203.0.113.9' in fake.inKernel())
  assert.equal(await flushing, 12_001)
  assert.deepEqual([flyNames(trap), fake.inKernel(), fake.history.count(fake.now())], [[], {}, 0])
  assert.deepEqual(fake.eventsOf('flush'), [{ event: 'flush', flies: 12_001, by: 'root' }])
  assert.deepEqual(fake.eventsOf('free'), [])
  fake.sockets.deliver([packet('203.0.113.1', 3)], { channel: 'peer' })
  assert.deepEqual(flyNames(trap), [], 'what counted is forgotten')
})

test('paused: nobody new is judged, flies stay, the kernel lets pass; it ends by itself', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  trap.pause(seconds(600), 'root')
  assert.equal(trap.pausedUntil, BEGIN + 600_000)
  assert.deepEqual(fake.inKernel('flypaper_grace'), { 2: 600, 10: 600 })
  fake.sockets.deliver([packet('198.51.100.2')])
  assert.deepEqual(Object.keys(fake.inKernel()), ['198.51.100.1'])
  assert.match(fake.said.at(-1)!, /^paused for 10m \(by root\)/)
  fake.pass(200_000)
  fake.others.flushRuleset()
  assert.deepEqual(fake.inKernel('flypaper_grace'), { 2: 400, 10: 400 }, 'armed again, the rest of it')
  fake.pass(400_001)
  assert.equal(trap.pausedUntil, undefined)
  assert.deepEqual(fake.inKernel('flypaper_grace'), {})
  fake.sockets.deliver([packet('198.51.100.2')])
  assert.deepEqual(flyNames(trap), ['198.51.100.1', '198.51.100.2'])
})

test('a pause that the kernel refuses is told as such, and is none: whoever touches a closed port sticks', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  {
    using _ = fake.firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    assert.throws(() => trap.pause(seconds(600), 'root'), /busy/)
  }
  assert.equal(trap.pausedUntil, undefined)
  assert.deepEqual(fake.eventsOf('paused'), [])
  fake.sockets.deliver([packet('198.51.100.1')])
  assert.deepEqual(flyNames(trap), ['198.51.100.1'])
})

test('the end of a pause that the kernel refuses is told, ends nobody, and the pause is over all the same', t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const fake = fakeWorld()
  using trap = fake.open()
  trap.pause(seconds(600), 'root')
  const { said } = fake
  {
    using _ = fake.firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    fake.pass(600_001)
    mock.timers.tick(599_999)
    assert.ok(!said.some(line => line.includes('busy')))
    mock.timers.tick(1)
  }
  assert.match(said.at(-1)!, /^error: the kernel does not end the pause, whose time is over: Error: busy/)
  fake.sockets.deliver([packet('198.51.100.1')])
  assert.deepEqual([trap.pausedUntil, flyNames(trap)], [undefined, ['198.51.100.1']])
})

test('a pause outlives a restart, and is ended by hand; what is not paused is not told as resumed', () => {
  const fake = fakeWorld()
  {
    using trap = fake.open()
    trap.pause(seconds(0), 'root')
    assert.deepEqual(fake.told, [])
    trap.pause(seconds(600), 'root')
  }
  fake.pass(100_000)
  fake.firewall.others.flushRuleset()
  using trap = fake.open()
  assert.equal(trap.pausedUntil, BEGIN + 600_000)
  assert.deepEqual(fake.inKernel('flypaper_grace'), { 2: 500, 10: 500 })
  fake.sockets.deliver([packet('198.51.100.2')])
  assert.deepEqual(flyNames(trap), [])
  trap.pause(seconds(0), 'root')
  assert.deepEqual([trap.pausedUntil, fake.inKernel('flypaper_grace')], [undefined, {}])
  fake.sockets.deliver([packet('198.51.100.2')])
  assert.deepEqual(flyNames(trap), ['198.51.100.2'])
  assert.deepEqual(fake.eventsOf('resumed'), [{ event: 'resumed', by: 'root' }])
  trap[Symbol.dispose]()
  assert.equal(fake.open().pausedUntil, undefined)
})

test('the clock is set: flies and pause have the time left that they had, in index and history', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  trap.pause(seconds(600), 'root')
  fake.pass(60_000)
  for (const step of [10 * 365 * 24 * HOUR, -20 * 365 * 24 * HOUR]) {
    fake.setClock(step)
    const left = (end: number | 'forever' | undefined) => (Number(end) - fake.now()) / 1000
    assert.equal(left(trap.flies.get('198.51.100.1' as Fly, fake.now())?.until), 540)
    assert.equal(left(fake.history.find('198.51.100.1' as Fly, fake.now())?.until), 540)
    assert.equal(left(trap.pausedUntil), 540)
  }
})

test('the machine slept: the kernel has not counted that, and its sets get the right times', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  await turns()
  fake.sleep(FIRST / 2)
  await until(() => fake.inKernel()['198.51.100.1'] === 300)
  assert.equal(trap.flies.count(fake.now()), 1)
})

test('disposed of, it writes what is left, closes what it has opened, and leaves the kernel as it is', async () => {
  const fake = fakeWorld()
  const trap = fake.open('never = ["198.51.100.1"]')
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  const { length } = fake.firewall.transactions
  trap[Symbol.dispose]()
  assert.equal(fake.history.sightingsOf(['198.51.100.1']).length, 1)
  assert.deepEqual([fake.sockets.listening(), fake.kernelSets.isWatched()], [[], false])
  assert.deepEqual(
    [fake.firewall.transactions.length, Object.keys(fake.inKernel())],
    [length, ['198.51.100.2']],
  )
  fake.others.flushRuleset()
  await sleep(100)
  assert.equal(fake.firewall.look(), undefined, 'nobody arms again')
})
