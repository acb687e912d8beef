/** What another host or tool says: whom it shuts out, whom it never does, for how long, and how it ends. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { Trap } from '../../src/daemon/run.ts'
import { TESTIFIED_MAX } from '../../src/lockout/decide/testify.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { BEGIN, FIRST, fakeWorld, HOUR } from '../support/fake-world.ts'

const WEB2 = { by: 'fail2ban on web2', via: 'share flypaperd-share' }
const ORDER = { by: 'anna', force: false }
const LONG = 86_400 as Seconds

const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)
const say = (trap: Trap, who: readonly string[], { seconds = LONG, testifier = WEB2 } = {}) =>
  trap.testify(
    prefixes(...who).map(prefix => ({ prefix, seconds, note: 'sshd' })),
    testifier,
  )
const hosts = (count: number, net = 18) =>
  Array.from({ length: count }, (_, n) => `198.${net}.${n >> 8}.${n & 255}`)
const whys = (refused: readonly { who: string; why: string }[]) =>
  Object.fromEntries(refused.map(({ who, why }) => [who, why]))

test('a stranger is locked out for no longer than a first offence; whose word it is is told and remembered', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  assert.deepEqual(await say(trap, ['203.0.113.5', '2001:db8:1:2::7', '2001:db8:1:3::/64']), {
    locked: ['203.0.113.5', '2001:db8:1:2::/64', '2001:db8:1:3::/64'],
    kept: [],
    refused: [],
  })
  await say(trap, ['203.0.113.6'], { seconds: 60 as Seconds })
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': FIRST / 1000, '203.0.113.6': 60 })
  assert.deepEqual(fake.inKernel('flypaper_by_hand'), {}, 'what is public stays open')
  const { because, grade, by, via, note, until, times } = fake.history.find('203.0.113.5' as Fly, fake.now())!
  assert.deepEqual(
    { because, grade, by, via, note, until, times },
    { because: 'testimony', grade: 'testimony', ...WEB2, note: 'sshd', until: BEGIN + FIRST, times: 1 },
  )
  assert.ok(
    fake.said.includes('lockout 203.0.113.5, on the testimony of fail2ban on web2, for 10m: sshd'),
    fake.said.join('\n'),
  )
  const filter = { grade: 'testimony', reason: 'testimony' } as const
  assert.equal([...fake.history.select(filter, fake.now())].length, 4)
  assert.equal(trap.counts().testimonies.locked, 4)
})

test('whoever one packet would not lock out is refused, each for its reason; a stranger in the same request is not', async () => {
  const fake = fakeWorld()
  fake.here.talking = ['203.0.113.43', '2001:db8:7::1'] as never[]
  fake.here.resolvers = ['203.0.113.53' as never]
  using trap = fake.open(
    'never = ["203.0.113.9", "2001:db8:9::/48"]\ninside = ["198.51.99.0/24"]\nshared.hold_only = ["203.0.113.99"]',
  )
  fake.here.connected = ['203.0.113.42' as never]
  fake.firewall.change([
    { change: 'add', set: 'flypaper_known', elements: [{ element: '203.0.113.40' as never }] },
    { change: 'add', set: 'flypaper_peers', elements: [{ element: '203.0.113.41' as never }] },
    { change: 'add', set: 'flypaper_known6', elements: [{ element: '2001:db8:6::' as never }] },
  ])
  const wanted = {
    '198.51.100.0/24': 'prefix',
    '2001:db8:1::/56': 'prefix',
    '203.0.113.9': 'never-list',
    '2001:db8:9:1::/64': 'never-list',
    '192.0.2.1': 'near',
    '192.0.2.254': 'near',
    '203.0.113.53': 'near',
    '127.0.0.1': 'no-host',
    '255.255.255.255': 'no-host',
    'fe80::1': 'no-host',
    '10.1.2.3': 'private',
    '192.168.1.1': 'private',
    'fd00::1': 'private',
    '64:ff9b::cb00:7105': 'private',
    '198.51.99.7': 'inside',
    '203.0.113.99': 'shared',
    '203.0.113.40': 'known',
    '203.0.113.41': 'peer',
    // That host alone is locked out by what it does, its /64 by what it says: the set holds the /64.
    '2001:db8:6::5': 'known',
    '203.0.113.42': 'connected',
    '203.0.113.43': 'connected',
    '2001:db8:7::9': 'connected',
  }
  const { locked, kept, refused } = await say(trap, [...Object.keys(wanted), '203.0.113.5'])
  assert.deepEqual([locked, kept], [['203.0.113.5'], []])
  assert.deepEqual(whys(refused), wanted)
  assert.equal(trap.counts().testimonies.known, 2)
  assert.equal(trap.counts().testimonies['never-list'], 2)
})

test('who becomes known between the question and the lockout is free again in the same turn', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  const { change } = fake.firewall
  using _ = {
    [Symbol.dispose]: () => mock.restoreAll(),
  }
  mock.method(fake.world.firewall, 'change', (changes: Parameters<typeof change>[0]) => {
    change(changes)
    const isLockout = changes.some(one => one.change === 'add' && one.set === 'flypaper')
    if (isLockout)
      change([{ change: 'add', set: 'flypaper_known', elements: [{ element: '203.0.113.5' as never }] }])
  })
  const { locked, refused } = await say(trap, ['203.0.113.5', '203.0.113.6'])
  assert.deepEqual([locked, whys(refused)], [['203.0.113.6'], { '203.0.113.5': 'known' }])
  assert.deepEqual(Object.keys(fake.inKernel()), ['203.0.113.6'])
})

test('it counts nothing: the next lockout of its own is the first, and one of before stays the one before', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await say(trap, ['203.0.113.5'])
  fake.pass(FIRST + 1000)
  fake.sockets.deliver([packet('203.0.113.5'), packet('203.0.113.6')])
  const of = (source: string) => fake.history.find(source as Fly, fake.now())!
  assert.deepEqual([of('203.0.113.5').times, of('203.0.113.5').ports], [1, undefined])
  fake.pass(2 * HOUR)
  fake.sockets.deliver([packet('203.0.113.5', 82)])
  assert.equal(of('203.0.113.5').times, 2, 'the control: its own counts')
  fake.pass(2 * HOUR)
  for (let n = 0; n < 3; n++) {
    await say(trap, ['203.0.113.5', '203.0.113.6'])
    fake.pass(FIRST + 1000)
  }
  fake.sockets.deliver([packet('203.0.113.5', 83), packet('203.0.113.6', 82)])
  assert.deepEqual([of('203.0.113.5').times, of('203.0.113.5').ports], [3, ['tcp/83', 'tcp/82', 'tcp/81']])
  assert.deepEqual([of('203.0.113.6').times, of('203.0.113.6').ports], [2, ['tcp/82', 'tcp/81']])
})

test('ports of visits that are too long ago count no more for it: testimony does not keep them alive', async () => {
  const fake = fakeWorld()
  using trap = fake.open('[lockout]\nremember = "1d"')
  fake.sockets.deliver([packet('203.0.113.5', 81)])
  for (let hour = 0; hour < 30; hour++) {
    fake.pass(HOUR)
    await say(trap, ['203.0.113.5'])
  }
  fake.pass(HOUR)
  fake.sockets.deliver([packet('203.0.113.5', 82)])
  assert.equal(fake.history.find('203.0.113.5' as Fly, fake.now())!.ports, undefined)
})

test('a full set that lets a testimony go for others counts nothing either', async () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 0\nsizes.flypaper = 1000')
  await say(trap, ['203.0.113.5'], { seconds: 1 as Seconds })
  fake.sockets.deliver(hosts(1000).map(source => packet(source)))
  assert.equal(trap.flies.has('203.0.113.5' as Fly), false, 'the control: it made room')
  fake.pass(HOUR)
  fake.sockets.deliver([packet('203.0.113.5')])
  assert.equal(fake.history.find('203.0.113.5' as Fly, fake.now())!.times, 1)
})

test('said again it prolongs nothing; neither does it shorten or change what is there for other reasons', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await say(trap, ['203.0.113.5'])
  fake.sockets.deliver([packet('203.0.113.6')])
  trap.lock([{ prefix: parsePrefix('203.0.113.7')!, length: 'forever' }], ORDER)
  fake.pass(60_000)
  const before = fake.inKernel()
  const { kept, locked } = await say(trap, ['203.0.113.5', '203.0.113.6', '203.0.113.7'], {
    seconds: 1 as Seconds,
  })
  assert.deepEqual([kept, locked], [['203.0.113.5', '203.0.113.6', '203.0.113.7'], []])
  assert.deepEqual(fake.inKernel(), before)
  assert.equal(fake.eventsOf('prolong').length, 0)
})

test('its author takes it back; nobody else does, and nothing else', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await say(trap, ['203.0.113.5', '203.0.113.6', '2001:db8:1:2::7'])
  fake.sockets.deliver([packet('203.0.113.7')])
  trap.lock([{ prefix: parsePrefix('203.0.113.8')!, length: 'forever' }], ORDER)
  const all = prefixes('203.0.113.5', '203.0.113.7', '203.0.113.8', '2001:db8:1:2::7')
  for (const other of [
    { ...WEB2, by: 'fail2ban on web3' },
    { ...WEB2, via: 'control root' },
    { ...WEB2, via: 'share bob' },
  ])
    assert.deepEqual(trap.withdraw(all, other), [], JSON.stringify(other))
  assert.deepEqual(trap.withdraw(all, WEB2), ['203.0.113.5', '2001:db8:1:2::/64'])
  assert.deepEqual(Object.keys(fake.inKernel()), ['203.0.113.6', '203.0.113.7', '203.0.113.8'])
  assert.deepEqual(
    fake.eventsOf('free').map(({ source, by }) => [source, by]),
    [
      ['203.0.113.5', WEB2.by],
      ['2001:db8:1:2::/64', WEB2.by],
    ],
  )
  const { released } = fake.history.newest(9).find(({ source }) => source === '203.0.113.5')!
  assert.deepEqual([released?.by, released?.because], [WEB2.by, 'withdrawn'])
  assert.equal(trap.counts().withdrawn, 2)
  assert.deepEqual(trap.withdraw(all, WEB2), [], 'said twice')
})

test('evidence of our own takes its place, and an order: then it cannot be withdrawn', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await say(trap, ['203.0.113.5', '203.0.113.6', '203.0.113.7'], { seconds: 300 as Seconds })
  // What was on its way when the testimony came.
  fake.sockets.deliver([packet('203.0.113.5')])
  trap.lock([{ prefix: parsePrefix('203.0.113.6')!, length: 60 as Seconds }], ORDER)
  assert.deepEqual(fake.inKernel(), { '203.0.113.5': 600, '203.0.113.6': 60, '203.0.113.7': 300 })
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_by_hand')), ['203.0.113.6'])
  assert.deepEqual(trap.withdraw(prefixes('203.0.113.5', '203.0.113.6', '203.0.113.7'), WEB2), [
    '203.0.113.7',
  ])
  const of = (source: string) => fake.history.find(source as Fly, fake.now())!
  assert.deepEqual([of('203.0.113.5').because, of('203.0.113.5').times], ['closed-port', 1])
  assert.deepEqual([of('203.0.113.6').because, of('203.0.113.6').times], ['by-hand', 1])
})

test('a restart forgets nobody whose word it was', async () => {
  const fake = fakeWorld()
  {
    using trap = fake.open()
    await say(trap, ['203.0.113.5'])
  }
  using trap = fake.open()
  assert.deepEqual(trap.withdraw(prefixes('203.0.113.5'), { ...WEB2, by: 'another' }), [])
  assert.deepEqual(trap.withdraw(prefixes('203.0.113.5'), WEB2), ['203.0.113.5'])
})

test('ten thousand testimonies: the promotion limit holds, and leaves half of its burst to evidence of our own', async () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 10\npromotion.burst = 100')
  const { locked, refused } = await say(trap, hosts(10_000))
  assert.equal(locked.length, 50)
  assert.deepEqual(new Set(refused.map(({ why }) => why)), new Set(['limit']))
  assert.equal(Object.keys(fake.inKernel()).length, 50)
  fake.sockets.deliver(hosts(100, 19).map(source => packet(source)))
  assert.equal(Object.keys(fake.inKernel()).length, 80, 'a fifth of the burst is for whoever comes again')
  fake.pass(10_000)
  assert.equal((await say(trap, hosts(1000, 51))).locked.length, 50)
})

test('as many flies as are bounded, and no more; who leaves makes room', async () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 0')
  assert.equal((await say(trap, hosts(TESTIFIED_MAX))).locked.length, TESTIFIED_MAX)
  assert.deepEqual(whys((await say(trap, ['203.0.113.5'])).refused), { '203.0.113.5': 'too-many' })
  trap.withdraw(prefixes('198.18.0.1'), WEB2)
  assert.deepEqual((await say(trap, ['203.0.113.5'])).locked, ['203.0.113.5'])
  fake.pass(FIRST + 1000)
  assert.equal((await say(trap, ['203.0.113.6'])).locked.length, 1)
})

test('nobody leaves for a testimony: a full set refuses it', async () => {
  const fake = fakeWorld()
  using trap = fake.open('promotion.per_second = 0\nsizes.flypaper = 1000')
  fake.sockets.deliver(hosts(1000).map(source => packet(source)))
  assert.deepEqual(whys((await say(trap, ['203.0.113.5'])).refused), { '203.0.113.5': 'full' })
  assert.equal(Object.keys(fake.inKernel()).length, 1000)
})

test('while the trap is paused, in the grace after boot, and while its sets are gone, all of it is refused', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  trap.pause(60 as Seconds, 'anna')
  assert.deepEqual(whys((await say(trap, ['203.0.113.5', '192.0.2.1'])).refused), {
    '203.0.113.5': 'paused',
    '192.0.2.1': 'near',
  })
  trap.pause(0 as Seconds, 'anna')
  fake.here.uptime = 10
  assert.deepEqual(whys((await say(trap, ['203.0.113.5'])).refused), { '203.0.113.5': 'paused' })
  fake.here.uptime = 1000
  assert.deepEqual((await say(trap, ['203.0.113.5'])).locked, ['203.0.113.5'])
  fake.firewall.others.flushRuleset()
  assert.deepEqual(whys((await say(trap, ['203.0.113.6'])).refused), { '203.0.113.6': 'paused' })
})

test('a dry run says what it would do, and does nothing', async () => {
  const fake = fakeWorld()
  using trap = fake.open('dry_run = true')
  assert.deepEqual((await say(trap, ['203.0.113.5', '192.0.2.1'])).locked, ['203.0.113.5'])
  assert.deepEqual(fake.inKernel(), {})
  assert.equal(fake.eventsOf('would-lock-out').length, 1)
})

test('a history that was lost still tells whose word it was', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await say(trap, ['203.0.113.5'])
  fake.disk.isDamaged = true
  fake.sockets.deliver([packet('203.0.113.6')])
  const { because, by } = fake.history.find('203.0.113.5' as Fly, fake.now())!
  assert.deepEqual([because, by], ['testimony', WEB2.by])
  assert.deepEqual(trap.withdraw(prefixes('203.0.113.5'), WEB2), ['203.0.113.5'])
})
