/** Somebody is forgotten by the whole daemon: as if he had never come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trap } from '../../src/daemon/run.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { BEGIN, fakeWorld, HOUR } from '../support/fake-world.ts'

const WHO = '203.0.113.5'
const OTHER = '203.0.113.6'
const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)
const forget = async (trap: Trap, ...who: string[]) => {
  await trap.free(prefixes(...who), 'anna', () => {})
  return trap.forget(prefixes(...who), 'anna')
}

test('what counts against him, how often he came, what he was to this machine, what waits to be written', async () => {
  const fake = fakeWorld()
  fake.here.connected = [WHO, OTHER] as never[]
  {
    using _ = fake.open()
  }
  using trap = fake.open()
  const both = (tcp: number, channel?: 'known') =>
    fake.sockets.deliver([packet(WHO, tcp), packet(OTHER, tcp)], channel && { channel })
  both(81)
  fake.pass(HOUR)
  both(82, 'known')
  both(83, 'known')
  assert.match(fake.history.getMeta('acquaintances')!, /203\.0\.113\.5"/)
  const elements = [WHO, OTHER].map(element => ({ element: element as never }))
  fake.firewall.change([{ change: 'add', set: 'flypaper_known', elements }])
  assert.ok(fake.firewall.elementsOf('flypaper_known').has(WHO), 'the control')
  const told = await forget(trap, WHO)
  assert.deepEqual(
    [told.lockouts, told.sightings, told.scoured],
    [1, 1, true],
    'also a sighting of this second',
  )
  assert.deepEqual(
    [...fake.firewall.elementsOf('flypaper_known').keys()].filter(host => host === WHO || host === OTHER),
    [OTHER],
  )
  assert.doesNotMatch(fake.history.getMeta('acquaintances')!, /203\.0\.113\.5"/)
  assert.match(fake.history.getMeta('acquaintances')!, /203\.0\.113\.6"/)
  both(84, 'known')
  assert.equal(trap.flies.has(OTHER as Fly), true, 'the control: three ports')
  assert.equal(trap.flies.has(WHO as Fly), false, 'one port')
  fake.pass(48 * HOUR)
  both(85)
  const times = [WHO, OTHER].map(one => fake.history.find(one as Fly, fake.now())?.times)
  assert.deepEqual(times, [1, 3])
  assert.ok(fake.said.some(line => /^forgotten \(by anna\): 1 lockouts, 1 sightings/.test(line)))
})

test('a fly is free, and not in the state file any more; a prefix forgets all in it, and nobody beside', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet(WHO), packet(OTHER), packet('198.51.100.7')])
  assert.equal((await forget(trap, '203.0.113.0/24')).lockouts, 2)
  assert.deepEqual(Object.keys(fake.inKernel()), ['198.51.100.7'])
  assert.deepEqual(
    fake.history.newest(9).map(({ source }) => source),
    ['198.51.100.7'],
  )
  assert.equal(fake.now(), BEGIN)
})

test('while the history cannot be written nothing is said to be forgotten', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet(OTHER)])
  fake.disk.isDamaged = true
  const { open } = fake.disk
  fake.disk.open = () => {
    throw new Error('no room')
  }
  fake.sockets.deliver([packet(WHO)])
  await assert.rejects(
    () => forget(trap, WHO),
    /the history cannot be written, and \d+ lockouts and releases wait/,
  )
  fake.disk.open = open
  fake.disk.isDamaged = false
  assert.equal((await forget(trap, WHO)).lockouts, 1)
})
