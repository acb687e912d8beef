/** The start of the trap: what comes first, what is left alone when it cannot be, and what the flies of before become. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST, fakeWorld, turns, until } from '../support/fake-world.ts'

const SCANNER = { source: '198.51.100.1', destination: '192.0.2.1', tcp: 81 } as const

test('armed: the rules are there, packets are listened for, and others are watched', () => {
  const { open, firewall, sockets, kernelSets, here } = fakeWorld()
  here.connected = ['203.0.113.9' as never]
  using trap = open()
  assert.equal(trap.grace, 0)
  assert.deepEqual(sockets.listening(), [
    'queue 4242',
    'queue 4243',
    'queue 4244',
    'queue 4245',
    'queue 4246',
  ])
  assert.ok(firewall.look()!.rules.some(({ chain }) => chain === 'flypaper_judge'))
  assert.deepEqual([...firewall.elementsOf('flypaper_own').keys()], ['192.0.2.1', '192.0.2.254'])
  assert.deepEqual([...firewall.elementsOf('flypaper_known').keys()], ['203.0.113.9'])
  assert.ok(kernelSets.isWatched())
})

test('who is in use is asked for at once, and stays one that we talk to', async () => {
  const { open, firewall, here } = fakeWorld()
  here.inUse = ['203.0.113.9' as never]
  using _trap = open()
  await until(() => firewall.elementsOf('flypaper_peers').has('203.0.113.9'))
})

test('the grace time after boot is what is left of it', () => {
  const { open, firewall, here } = fakeWorld()
  here.uptime = 20.5
  using trap = open('boot_grace = "1m"')
  assert.equal(trap.grace, 40)
  assert.deepEqual([...firewall.elementsOf('flypaper_grace').values()], [40, 40])
})

test('the sources come first: when the numbers are taken, nothing was changed, and nothing stays open', () => {
  for (const number of [4242, 4247]) {
    const { open, firewall, sockets, history, said } = fakeWorld()
    sockets.taken.add(number)
    assert.throws(() => open('closed = "unaccepted"\ncapture = "log"'), { exit: 69 })
    assert.deepEqual([firewall.loaded, firewall.transactions, firewall.look()], [[], [], undefined])
    assert.deepEqual(sockets.listening(), [])
    assert.equal(history.getMeta('running'), '', 'and it ends as a daemon that has run')
    assert.deepEqual(said, [], 'of which nobody hears but by the error')
  }
})

test('a kernel that refuses the rules: the sets go again, and what was opened is closed', () => {
  const { open, firewall, sockets } = fakeWorld()
  firewall.refuse(
    asked => typeof asked === 'string' && asked.includes('@flypaper goto flypaper_reach'),
    new Error('refused'),
  )
  assert.throws(() => open(), /refused/)
  assert.equal(firewall.look(), undefined)
  assert.deepEqual(sockets.listening(), [])
})

test('whoever has become one who is never locked out is freed before the trap is armed with him', () => {
  const fake = fakeWorld()
  {
    using trap = fake.open()
    fake.sockets.deliver([
      SCANNER,
      { ...SCANNER, source: '198.51.100.2' },
      { ...SCANNER, source: '203.0.113.1' },
    ])
    assert.equal(trap.flies.count(fake.now()), 3)
  }
  const { length } = fake.firewall.transactions
  fake.here.gateways = ['198.51.100.2' as never]
  using trap = fake.open('never = ["198.51.100.1"]')
  assert.deepEqual(
    [...trap.flies].map(([fly]) => fly),
    ['203.0.113.1'],
  )
  assert.deepEqual(Object.keys(fake.inKernel()), ['203.0.113.1'])
  assert.equal(fake.history.count(fake.now()), 1)
  const [first] = fake.firewall.transactions.slice(length)
  assert.deepEqual(
    first!.map(change => change.change === 'remove' && change.set),
    ['flypaper', 'flypaper_by_hand'],
    'the first that is done of all',
  )
})

test('whoever is never locked out and is in the set alone leaves it at start', () => {
  const fake = fakeWorld()
  fake.open()[Symbol.dispose]()
  fake.firewall.others.add('flypaper', '192.0.2.254')
  fake.firewall.others.add('flypaper', '198.51.100.9')
  using _ = fake.open('never = ["198.51.100.9"]')
  assert.deepEqual(fake.inKernel(), {})
})

test('fresh: the sets were made just now, and hold all flies with the time they have left; nothing is listed', async () => {
  const fake = fakeWorld()
  {
    using _ = fake.open()
    fake.sockets.deliver([SCANNER])
  }
  fake.firewall.others.flushRuleset()
  fake.pass(FIRST / 2)
  using _ = fake.open()
  assert.deepEqual(fake.inKernel(), { '198.51.100.1': 300 })
  await turns()
  assert.deepEqual(fake.kernelSets.listed.slice(-2), [], 'neither of the two sets')
})

test('confirmed: sets that agreed with the history are not written again, and whoever is missing in them was freed by hand', async () => {
  const fake = fakeWorld()
  {
    using _ = fake.open()
    fake.sockets.deliver([SCANNER, { ...SCANNER, source: '198.51.100.2' }])
    await turns()
  }
  fake.firewall.others.delete('flypaper', '198.51.100.1')
  fake.firewall.others.add('flypaper', '203.0.113.7', 600)
  const { length } = fake.firewall.transactions
  using trap = fake.open()
  const additions = fake.firewall.transactions
    .slice(length)
    .flat()
    .filter(change => change.change === 'add' && change.set === 'flypaper')
  assert.deepEqual(additions, [])
  await turns()
  assert.deepEqual([...trap.flies].map(([fly]) => fly).sort(), ['198.51.100.2', '203.0.113.7'])
  assert.equal(fake.history.newest(9).find(({ source }) => source === '198.51.100.1')!.released?.by, 'hand')
  assert.deepEqual(fake.inKernel(), { '198.51.100.2': 600, '203.0.113.7': 600 })
})

test('restored: sets of which nobody knows are filled, whoever was missing is in again, and a stranger in them is taken over', async () => {
  const fake = fakeWorld()
  {
    using _ = fake.open()
    fake.sockets.deliver([SCANNER, { ...SCANNER, source: '198.51.100.2' }])
    await turns()
  }
  fake.history.setMeta('set', 'another')
  fake.firewall.others.delete('flypaper', '198.51.100.1')
  fake.firewall.others.add('flypaper', '203.0.113.7')
  using trap = fake.open()
  assert.deepEqual(Object.keys(fake.inKernel()).sort(), ['198.51.100.1', '198.51.100.2', '203.0.113.7'])
  assert.equal(fake.history.getMeta('set'), '', 'it is not settled yet')
  await trap.settled()
  assert.equal(trap.flies.count(fake.now()), 3)
  assert.equal(fake.history.find('203.0.113.7' as never, fake.now())!.because, 'by-hand')
  assert.notEqual(fake.history.getMeta('set'), '', 'now they agree')
})

test('a history that is damaged is begun anew, and knows the flies of before', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([SCANNER])
  fake.disk.isDamaged = true
  fake.sockets.deliver([{ ...SCANNER, source: '198.51.100.2' }])
  assert.equal(trap.flies.count(fake.now()), 2)
  const known = fake.history.newest(9).map(({ source, note }) => [source, note])
  assert.deepEqual(known.sort(), [
    ['198.51.100.1', 'the reason was lost with a damaged history'],
    ['198.51.100.2', undefined],
  ])
  assert.deepEqual(fake.eventsOf('lockout').length, 2, 'nobody is told of them again')
})

test('the state file for boot has the flies, soon after they came', async () => {
  const fake = fakeWorld()
  using _ = fake.open()
  fake.sockets.deliver([SCANNER])
  for (let patience = 200; !fake.written.at(-1)?.includes('198.51.100.1') && patience > 0; patience--)
    await new Promise(resolve => setTimeout(resolve, 10))
  assert.match(fake.written.at(-1)!, /198\.51\.100\.1 timeout 600s/)
})
