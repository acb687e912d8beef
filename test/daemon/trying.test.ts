/** Who goes on trying stays: the whole daemon in a fake world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import { BEGIN, fakeWorld, HOUR, turns, until } from '../support/fake-world.ts'

const FLY = '203.0.113.5'
const NET6 = '2001:db8:7::/64'
const packet = (source: string, tcp = 81) => ({
  source,
  destination: source.includes(':') ? '2001:db8:99::1' : '192.0.2.1',
  tcp,
})
const MINUTE = 60_000
/** Two closed ports make a fly: it has tried several. */
const TWO_PORTS = 'evidence.stranger = { closed = 3 }\n'
const several = (source: string) => [packet(source), packet(source, 82)]

/** A world with a fly of an hour, and who passes time in it and lets the daemon ask. */
function withFly(toml = '') {
  const fake = fakeWorld()
  const open = (settings = toml) => fake.open(TWO_PORTS + settings)
  const trap = open()
  fake.sockets.deliver(several(FLY))
  let asks = 0
  const { ask } = fake.firewall
  fake.world.firewall.ask = (set, elements) => {
    asks++
    return ask(set, elements)
  }
  /** The kernel is asked so often then. */
  const asked = async (times: number, act: () => void) => {
    const before = asks
    act()
    await until(() => asks >= before + times)
    await sleep(5)
    assert.equal(asks, before + times)
  }
  const passed = (ms: number, times: number, running = trap) =>
    asked(times, () => {
      fake.pass(ms)
      running.refresh()
    })
  const end = () => fake.history.find(FLY as never, fake.now())?.until
  return { fake, trap, open, asked, passed, end }
}

test('a fly that tries in the second half of its time stays as long again, as often as it does, and it is one lockout', async () => {
  const { fake, trap, passed, end } = withFly()
  using _ = trap
  for (let hour = 0; hour < 3; hour++) {
    await passed(31 * MINUTE, 1)
    fake.firewall.others.send(FLY, 3)
    await passed(28 * MINUTE + 52_000, 1)
    await until(() => end() === BEGIN + (hour + 2) * HOUR)
    assert.ok(Math.abs(fake.inKernel()[FLY]! - 3608) < 2)
    await passed(8_000, 0)
  }
  const [lockout] = fake.history.newest(9, { now: fake.now() })
  assert.deepEqual(
    [lockout?.times, lockout?.prolonged, lockout?.by, lockout?.because, lockout?.since],
    [1, 3, undefined, 'distinct-ports', BEGIN],
  )
  assert.deepEqual(
    fake.eventsOf('prolong').map(({ prolongation }) => prolongation),
    [2, 3, 4].map(hours => ({ source: FLY, until: BEGIN + hours * HOUR, packets: 3 })),
  )
  assert.ok(fake.said.includes('1 fly goes on trying: it stays as long again'))
  assert.ok(!fake.said.some(line => line.startsWith('prolong')), 'no line of its own')
  await passed(HOUR, 0)
  assert.equal(end(), undefined, 'it has left off')
  assert.equal(trap.flies.count(fake.now()), 0)
})

test('packets of the first half do not count, nor do any where the settings say so, or in a dry run', async () => {
  for (const toml of ['', '[lockout]\nwhile_trying = false', 'dry_run = true']) {
    const { fake, trap, passed } = withFly(toml)
    using _ = trap
    fake.firewall.others.send(FLY, 100)
    await passed(31 * MINUTE, toml === '' ? 1 : 0)
    if (toml !== '') fake.firewall.others.send(FLY, 100)
    await passed(28 * MINUTE + 55_000, toml === '' ? 1 : 0)
    assert.deepEqual(fake.eventsOf('prolong'), [], toml)
  }
})

test('somebody inside who sticks has what he sends on counted: that is no trying', async () => {
  for (const [inside, prolonged] of [
    ['203.0.113.0/24', 0],
    ['203.0.114.0/24', 1],
  ] as const) {
    const { fake, trap, passed } = withFly(`inside = ["${inside}"]`)
    using _ = trap
    await passed(31 * MINUTE, 1)
    fake.firewall.others.send(FLY, 100)
    fake.firewall.others.send(FLY, 100)
    await passed(28 * MINUTE + 55_000, prolonged)
    await turns()
    assert.equal(fake.eventsOf('prolong').length, prolonged, inside)
  }
})

test('the whole is no longer than what could be forged may be; a lockout by hand, or of which a person said the end, is left alone', async () => {
  const { fake, trap, passed, end } = withFly('[lockout]\nmany = "1h"\nlongest_forgeable = "2h"')
  using _ = trap
  const wish = (text: string) => ({ prefix: parsePrefix(text)!, length: 7200 as Seconds })
  trap.lock([wish('203.0.113.77')], { by: 'anna', force: false })
  fake.sockets.deliver(several('203.0.113.6'))
  trap.lock([wish('203.0.113.6')], { by: 'anna', force: false })
  const all = [FLY, '203.0.113.77', '203.0.113.6']
  for (let hour = 0; hour < 2; hour++) {
    await passed(31 * MINUTE, hour === 0 ? 1 : 0)
    for (const one of all) fake.firewall.others.send(one, 1)
    await passed(28 * MINUTE + 55_000, hour === 0 ? 1 : 0)
    assert.equal(end(), BEGIN + 2 * HOUR)
    await passed(5_000, 0)
  }
  assert.equal(trap.flies.count(fake.now()), 0)
})

test('of whom a person has said the end, he ends then', async () => {
  const { fake, trap, passed } = withFly()
  using _ = trap
  const length = 7200 as Seconds
  trap.lock([{ prefix: parsePrefix(FLY)!, length }], { by: 'anna', force: false })
  for (const ms of [61 * MINUTE, 30 * MINUTE, 28 * MINUTE + 55_000]) {
    fake.firewall.others.send(FLY, 1)
    await passed(ms, 0)
  }
  const by = fake.eventsOf('prolong').map(({ prolongation }) => prolongation.by)
  assert.deepEqual(by, ['anna'])
})

test('a restart in the second half asks anew: what comes after it counts, what came before does not', async () => {
  const { fake, trap, open, asked, passed, end } = withFly()
  fake.sockets.deliver(several('203.0.113.6'))
  await passed(31 * MINUTE, 1)
  fake.firewall.others.send('203.0.113.6', 5)
  trap[Symbol.dispose]()
  fake.pass(9 * MINUTE)
  using started = new DisposableStack()
  const opened = () => started.use(open())
  const later: ReturnType<typeof open>[] = []
  // Both are past their half: they are asked for at once.
  await asked(1, () => void later.push(opened()))
  const [again] = later
  await passed(5 * MINUTE, 0, again)
  fake.firewall.others.send(FLY, 1)
  await passed(14 * MINUTE + 55_000, 1, again)
  await until(() => end() === BEGIN + 2 * HOUR)
  assert.equal(fake.history.find('203.0.113.6' as never, fake.now())?.until, BEGIN + HOUR)
  again?.[Symbol.dispose]()
  const third = opened()
  await passed(31 * MINUTE, 1, third)
  fake.firewall.others.send(FLY, 1)
  await passed(29 * MINUTE, 1, third)
  await until(() => end() === BEGIN + 3 * HOUR, 'by an hour, not by the two that it has had')
})

test('a kernel that does not count: said once, and a lockout ends', async () => {
  const fake = fakeWorld()
  fake.world.firewall.supports = statement => statement !== 'counter'
  using trap = fake.open(TWO_PORTS)
  fake.sockets.deliver(several(FLY))
  assert.ok(fake.said.some(line => /cannot count the packets of each fly/.test(line)))
  fake.pass(31 * MINUTE)
  trap.refresh()
  await sleep(30)
  assert.equal(fake.firewall.look()?.sets.find(({ name }) => name === 'flypaper')?.counter, false)
})

test('IPv6 as well; a fly that somebody frees meanwhile is none', async () => {
  const { fake, trap, passed } = withFly()
  using _ = trap
  fake.sockets.deliver(several('2001:db8:7::5'))
  await passed(31 * MINUTE, 2)
  fake.firewall.others.send('2001:db8:7::', 2)
  fake.firewall.others.send(FLY, 2)
  fake.firewall.others.delete('flypaper', FLY)
  await passed(28 * MINUTE + 55_000, 2)
  await until(() => fake.eventsOf('prolong').length === 1)
  assert.deepEqual(fake.eventsOf('prolong')[0]?.prolongation.source, NET6)
})

test('one closed port, and what came in the name of a known host, end in their time, though their programs go on', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet(FLY)])
  fake.sockets.deliver(
    [1, 2, 3].map(port => packet('203.0.113.6', port)),
    { channel: 'known' },
  )
  for (const end of [FLY, '203.0.113.6'] as const) {
    const { since, until } = fake.history.find(end as never, fake.now())!
    const term = (until as number) - since
    for (const part of [term / 2 + 1, term / 2 - 6000]) {
      fake.firewall.others.send(end, 9)
      fake.pass(part)
      trap.refresh()
      await sleep(30)
    }
    fake.pass(6000)
    assert.equal(trap.flies.get(end as never, fake.now()), undefined, end)
  }
  assert.deepEqual(fake.eventsOf('prolong'), [])
})
