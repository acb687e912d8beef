/** From the packet to the lockout in the kernel, the history, the index and the log; and who is let go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fly } from '../../src/terms/fly.ts'
import { BEGIN, FIRST, fakeWorld, until } from '../support/fake-world.ts'
import { freed } from '../support/freed.ts'

const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const packet6 = (source: string, tcp = 81) => ({ source, destination: '2001:db8::1', tcp })

test('an offence: locked out in the kernel, in history and index, told and counted', () => {
  const { open, sockets, inKernel, history, told, said, now } = fakeWorld()
  using trap = open()
  sockets.deliver([packet('198.51.100.1'), packet('198.51.100.1'), packet6('2001:db8:7::5')])
  assert.deepEqual(inKernel(), { '198.51.100.1': 600 })
  assert.deepEqual(inKernel('flypaper6'), { '2001:db8:7::': 600 })
  const { id: _, ...row } = history.find('198.51.100.1' as Fly, now())!
  assert.deepEqual(
    [row.because, row.since, row.until, row.times, row.tried],
    [
      'closed-port',
      BEGIN,
      BEGIN + FIRST,
      1,
      { kind: 'tcp', port: 81, from: row.tried && 'from' in row.tried && row.tried.from, flags: 2 },
    ],
  )
  assert.deepEqual(trap.flies.get('2001:db8:7::/64' as Fly, now()), { since: BEGIN, until: BEGIN + FIRST })
  assert.deepEqual(
    told.map(event => [event.event, 'lockout' in event && event.lockout.source]),
    [
      ['lockout', '198.51.100.1'],
      ['lockout', '2001:db8:7::/64'],
    ],
  )
  assert.match(said[0]!, /^lockout 198\.51\.100\.1, who tried TCP-port 81, for 10m$/)
  const { lockouts, again, batchPackets } = trap.counts()
  assert.deepEqual([lockouts, again, batchPackets.sum], [2, 1, 3])
})

test('a forwarded packet says whom it was for; who hides what he wants offends; what tells no source is counted', () => {
  const { open, sockets, history, now } = fakeWorld()
  using trap = open()
  sockets.deliver([{ ...packet('198.51.100.1'), destination: '192.0.2.77' }], { hook: 'forward' })
  assert.equal(history.find('198.51.100.1' as Fly, now())!.forwardedTo, '192.0.2.77')
  sockets.deliver([{ source: '198.51.100.2', destination: '192.0.2.1', protocol: 6, data: '' }])
  const { because, tried } = history.find('198.51.100.2' as Fly, now())!
  assert.deepEqual([because, tried], ['hidden-header', { kind: 'protocol', number: 6 }])
  sockets.deliver([new Uint8Array(0)])
  assert.equal(trap.counts().spared.unreadable, 1)
})

test('weak evidence: three different ports within the window of the class', () => {
  const { open, sockets, inKernel, pass } = fakeWorld()
  using trap = open()
  for (const port of [1, 2]) sockets.deliver([packet('198.51.100.1', port)], { channel: 'peer' })
  for (const port of [1, 2]) sockets.deliver([packet('198.51.100.2', port)], { channel: 'late' })
  pass(601_000)
  sockets.deliver([packet('198.51.100.1', 3)], { channel: 'peer' })
  sockets.deliver([packet('198.51.100.2', 3)], { channel: 'late' })
  assert.deepEqual(inKernel(), { '198.51.100.2': 3600 })
  assert.deepEqual([trap.counts().spared.peer, trap.counts().spared.late], [3, 2])
})

test('who is found innocent is not held any longer; whoever is only weak evidence never was, a strike goes on being held', () => {
  const fake = fakeWorld()
  using trap = fake.open('never = ["198.51.100.1"]\n[evidence]\nstranger = { closed = 3 }')
  const sources = ['198.51.100.1', '192.0.2.254', '240.0.0.1', '198.51.100.2', '198.51.100.3']
  for (const source of sources) fake.firewall.others.add('flypaper_hold', source, 20)
  fake.firewall.others.add('flypaper_hold6', '4000::', 20)
  fake.sockets.deliver([...sources.slice(0, 4).map(source => packet(source)), packet6('4000::1')])
  fake.sockets.deliver([packet('198.51.100.3')], { channel: 'peer' })
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_hold')), ['198.51.100.2', '198.51.100.3'])
  assert.deepEqual(fake.inKernel('flypaper_hold6'), {})
  const { spared, lockouts } = trap.counts()
  assert.deepEqual(
    [spared['never-list'], spared.near, spared['no-host'], spared.strike, spared.peer, lockouts],
    [1, 1, 2, 1, 1, 0],
  )
})

test('who was let go is remembered and told a second later', async () => {
  const { open, sockets, history, eventsOf } = fakeWorld()
  using _ = open('never = ["198.51.100.1"]')
  sockets.deliver([packet('198.51.100.1'), packet('198.51.100.1', 82)])
  assert.deepEqual(eventsOf('spared'), [])
  await until(() => eventsOf('spared').length > 0)
  const [sighting] = history.sightingsOf(['198.51.100.1'])
  assert.deepEqual([sighting!.because, sighting!.count], ['never-list', 2])
})

test('the promotion limit: so many become flies, the others are held only, counted, and said', async () => {
  const fake = fakeWorld()
  using trap = fake.open('[promotion]\nper_second = 1\nburst = 5')
  fake.sockets.deliver(Array.from({ length: 20 }, (_, n) => packet(`198.51.100.${n + 1}`)))
  assert.equal(trap.flies.count(fake.now()), 4)
  assert.equal(trap.counts().deferred, 16)
  await until(() => fake.said.some(line => line.startsWith('warning: promotion limit: 16 sources more')))
})

test('a packet of a fly that the set has lost puts it back for the time it has left', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  fake.pass(FIRST / 2)
  fake.firewall.others.delete('flypaper', '198.51.100.1')
  fake.sockets.deliver([packet('198.51.100.1')])
  assert.deepEqual(fake.inKernel(), { '198.51.100.1': 300 })
  assert.equal(trap.counts().again, 1)
})

test('a full set: the shortest-lived leave for those who stay longer, whoever would stay the shortest is held only; said once', () => {
  const fake = fakeWorld()
  using trap = fake.open(
    'promotion.per_second = 0\nsizes.flypaper = 1000\nevidence.peer = { closed = 6, longest = "1m" }',
  )
  const from = (first: number, count: number) =>
    Array.from({ length: count }, (_, n) => packet(`198.18.${(first + n) >> 8}.${(first + n) & 255}`))
  fake.sockets.deliver(from(0, 500))
  fake.pass(1000)
  fake.sockets.deliver(from(500, 500))
  fake.pass(1000)
  fake.sockets.deliver(from(1000, 1))
  assert.equal(trap.flies.count(fake.now()), 1000 - 15 + 1, 'a share leaves at once')
  assert.equal(Object.keys(fake.inKernel()).length, 986)
  assert.ok('198.18.3.232' in fake.inKernel())
  const { released } = fake.history.newest(2000).find(({ released }) => released !== undefined)!
  assert.deepEqual([released!.by, released!.because], ['flypaperd', 'no-room'])
  assert.deepEqual(fake.eventsOf('free'), [], 'nobody was freed')
  fake.sockets.deliver(from(1001, 14))
  const briefly = (...hosts: number[]) =>
    fake.sockets.deliver(
      hosts.map(n => packet(`198.19.0.${n}`)),
      { channel: 'peer' },
    )
  briefly(1, 2)
  briefly(3)
  assert.equal(trap.flies.count(fake.now()), 1000)
  assert.equal(trap.counts().overflow, 3)
  const full = () => fake.said.filter(line => line.startsWith('error: flypaper is full'))
  assert.deepEqual(full(), [
    'error: flypaper is full: the 15 flies with the least time left made room (raise flypaper under [sizes] in the settings)',
  ])
  fake.pass(FIRST)
  briefly(4)
  assert.deepEqual(
    Object.keys(fake.inKernel()),
    ['198.19.0.4'],
    'whose time is over makes room before anybody else',
  )
  assert.equal(full().length, 1, 'nobody had to leave for him')
})

test('a set that is full of what the index does not know: the offender is held only', () => {
  const fake = fakeWorld()
  using trap = fake.open('sizes.flypaper = 1000')
  for (let n = 0; n < 1000; n++) fake.firewall.others.add('flypaper', `10.0.${n >> 8}.${n & 255}`)
  fake.sockets.deliver([packet('198.51.100.1')])
  assert.deepEqual([trap.flies.count(fake.now()), fake.history.count(fake.now())], [0, 0])
  assert.deepEqual([trap.counts().overflow, trap.counts().lockouts, trap.counts().rearmed], [1, 0, 0])
})

test('refused by the chains of others: whoever the kernel holds for it offends, of others it is weak evidence', async () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "unaccepted"\ncapture = "log"')
  fake.pass(6000)
  for (const pending of ['198.51.100.1', '198.51.100.3', '198.51.100.4'])
    fake.firewall.others.add('flypaper_pending', pending, 20)
  fake.firewall.others.add('flypaper_pending6', '2001:db8:7::', 20)
  // Both are pending for ports that nobody refused, and the promotion limit has deferred them.
  fake.firewall.others.add('flypaper_peers', '198.51.100.3', 20)
  fake.firewall.others.add('flypaper_known', '198.51.100.4', 20)
  for (const who of ['198.51.100.3', '198.51.100.4']) fake.passing.refuse(who, '192.0.2.1', 6, 25)
  fake.passing.refuse('198.51.100.1', '192.0.2.1', 6, 25)
  fake.passing.refuse('2001:db8:7::5', '2001:db8::9', 6, 25)
  fake.passing.refuse('198.51.100.2', '192.0.2.1', 6, 25)
  fake.sockets.ring()
  await until(() => trap.counts().spared.refused === 3)
  assert.deepEqual([...trap.flies].map(([fly]) => fly).sort(), ['198.51.100.1', '2001:db8:7::/64'])
  const hooks = fake.history.newest(9).map(({ source, hook, forwardedTo }) => [source, hook, forwardedTo])
  assert.deepEqual(hooks.sort(), [
    ['198.51.100.1', 'input', undefined],
    ['2001:db8:7::/64', 'forward', '2001:db8::9'],
  ])
  assert.deepEqual(fake.inKernel('flypaper_passing'), {}, 'what was judged is forgotten')
})

test('refused by the chains of others: UDP of somebody we know may be late, and counts for an hour, TCP for ten minutes', async () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "unaccepted"\ncapture = "log"')
  fake.pass(6000)
  const refuse = async (port: number) => {
    fake.passing.refuse('198.51.100.1', '192.0.2.1', 17, port)
    fake.passing.refuse('198.51.100.2', '192.0.2.1', 6, port)
    const { batchPackets } = trap.counts()
    fake.sockets.ring()
    await until(() => trap.counts().batchPackets.sum === batchPackets.sum + 2)
  }
  await refuse(1)
  await refuse(2)
  fake.pass(601_000)
  await refuse(3)
  assert.deepEqual(Object.keys(fake.inKernel()), ['198.51.100.1'])
  assert.deepEqual([trap.counts().spared.late, trap.counts().spared.refused], [2, 3])
})

test('a dry run judges and tells, and changes nobody in the kernel', async () => {
  const fake = fakeWorld()
  using trap = fake.open('dry_run = true')
  assert.deepEqual(
    fake.sockets.listening().slice(0, 1),
    ['log 4242'],
    'a queue would drop what it must let go',
  )
  const { length } = fake.firewall.transactions
  fake.sockets.deliver([packet('198.51.100.1')])
  assert.equal(trap.flies.count(fake.now()), 1)
  assert.equal(fake.history.count(fake.now()), 1)
  assert.deepEqual(
    fake.told.map(({ event }) => event),
    ['would-lock-out'],
  )
  await freed(trap, '198.51.100.1')
  await trap.flush('root')
  assert.deepEqual(fake.firewall.transactions.slice(length), [])
  assert.deepEqual(fake.inKernel(), {})
  fake.others.put('203.0.113.5')
  await until(() => fake.kernelSets.isWatched())
  assert.equal(trap.flies.count(fake.now()), 0, 'the sets are not its own')
  assert.deepEqual(fake.written, [], 'and no state file')
})
