/** Another policy: taken whole or not at all. And what is looked at again now and then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { byHand, facts, sight, statements } from '../doctor/facts.ts'
import type { Asked } from '../support/fake-firewall.ts'
import { fakeWorld, until } from '../support/fake-world.ts'

const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const flyNames = (trap: { flies: Iterable<readonly [string, unknown]> }) =>
  [...trap.flies].map(([fly]) => fly).sort()

test('all of the new policy is in force: rules, lengths, never-list, limit, strikes, and where packets come from', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await trap.reload(
    fake.settings(
      'number = 5000\nnever = ["198.51.100.1"]\n[lockout]\nfirst = "2h"\n[evidence]\nstranger = { closed = 3 }\n[promotion]\nper_second = 1\nburst = 1',
    ),
  )
  assert.equal(trap.settings.number, 5000)
  assert.match(fake.firewall.loaded.at(-1)!, /queue num 5000/)
  assert.deepEqual([...fake.firewall.elementsOf('flypaper_never').keys()], ['198.51.100.1'])
  const twice = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].flatMap(source => [
    packet(source),
    packet(source, 82),
  ])
  fake.sockets.deliver(twice, { number: 5000 })
  assert.deepEqual(fake.inKernel(), { '198.51.100.2': 7200 })
  const { spared, deferred } = trap.counts()
  assert.deepEqual([spared['never-list'], spared.strike, deferred], [2, 2, 1])
  assert.ok(fake.sockets.listening().includes('queue 4242'), 'packets are on their way to the old one')
})

test('the old capture is closed a second later', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  await trap.reload(fake.settings('number = 5000'))
  await until(() => !fake.sockets.listening().includes('queue 4242'))
  assert.deepEqual(fake.sockets.journal, ['open queue 4242', 'open queue 5000', 'close queue 4242'])
})

const refusals: [what: string, isRefused: (asked: Asked) => boolean][] = [
  ['its sets', asked => typeof asked === 'string' && asked.includes('5000')],
  ['its rules', asked => typeof asked === 'string' && asked.includes('queue num 5000')],
  [
    'what it spares',
    asked =>
      typeof asked !== 'string' &&
      asked.some(change => 'elements' in change && JSON.stringify(change, text).includes('"203.0.113.9"')),
  ],
]
const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

for (const [what, isRefused] of refusals)
  test(`settings of which the kernel refuses ${what} change nothing, and the old ones are armed again`, async () => {
    const fake = fakeWorld()
    using trap = fake.open()
    fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
    const before = [trap.settings, fake.inKernel(), fake.sockets.listening()]
    let tries = 0
    fake.firewall.refuse(asked => isRefused(asked) && tries++ === 0, new Error('refused'))
    fake.here.connected = ['203.0.113.9' as never]
    await assert.rejects(
      trap.reload(fake.settings('number = 5000\nnever = ["198.51.100.1"]\nsizes.flypaper = 5000')),
      /refused/,
    )
    assert.deepEqual([trap.settings, fake.inKernel(), fake.sockets.listening()], before)
    const size = fake.firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.size
    assert.equal(size, 1_048_576)
    assert.match(fake.firewall.loaded.at(-1)!, /queue num 4242/)
    assert.match(fake.said.at(-1)!, /^new settings are refused: armed again with 2 flies/)
    fake.sockets.deliver([packet('203.0.113.4')])
    assert.equal(trap.flies.count(fake.now()), 3)
  })

test('settings that need numbers of another program change nothing at all', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.taken.add(5000)
  const { length } = fake.firewall.loaded
  await assert.rejects(trap.reload(fake.settings('number = 5000')), { exit: 69 })
  assert.deepEqual(
    [trap.settings.number, fake.firewall.loaded.length, trap.counts().rearmed],
    [4242, length, 0],
  )
})

test('dry_run cannot be changed by a reload: 78, in either direction, and nothing is', async () => {
  for (const [before, after] of [
    ['', 'dry_run = true'],
    ['dry_run = true', ''],
  ] as const) {
    const fake = fakeWorld()
    using trap = fake.open(before)
    const { length } = fake.firewall.loaded
    await assert.rejects(trap.reload(fake.settings(`number = 5000\n${after}`)), {
      exit: 78,
      message: /dry_run/,
    })
    assert.deepEqual([fake.firewall.loaded.length, trap.settings.number], [length, 4242])
    assert.equal(trap.settings.dryRun, before !== '')
  }
})

test('what comes while a reload has read the rules of others, and not yet armed, is not lost', async () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "auto"\ncapture = "log"')
  const reload = trap.reload(fake.settings('never = ["198.51.100.1"]\nnumber = 5000\ncapture = "log"'))
  await turn()
  assert.equal(trap.settings.number, 4242, 'the old ones are in force until then')
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2'), packet('198.51.100.3')])
  trap.lock([{ prefix: parsePrefix('198.51.100.4')!, length: undefined }], {
    by: 'tester',
    force: false,
    exact: false,
  })
  trap.freeThese(['198.51.100.2' as Fly], 'tester')
  fake.here.gateways = ['198.51.100.5' as never]
  trap.refresh()
  trap.pause(60 as Seconds, 'tester')
  await reload
  assert.deepEqual(flyNames(trap), ['198.51.100.3', '198.51.100.4'])
  assert.deepEqual(Object.keys(fake.inKernel()), flyNames(trap))
  assert.ok('198.51.100.5' in fake.inKernel('flypaper_own'))
  assert.equal(fake.firewall.elementsOf('flypaper_grace').size, 2)
  trap.pause(0 as Seconds, 'tester')
  fake.sockets.deliver([packet('198.51.100.5'), packet('198.51.100.6')], { number: 5000 })
  assert.deepEqual(flyNames(trap), ['198.51.100.3', '198.51.100.4', '198.51.100.6'])
  assert.equal(trap.settings.number, 5000)
})

test('rules of others that change while a reload arms are looked at again', async () => {
  const fake = fakeWorld()
  const { ACCEPT, dport } = statements
  const strict = facts({ sight: sight({ ruleset: byHand('drop', [[dport(22), ACCEPT]]) }) })
  const unsure = facts({ legacy: ['filter'] as never })
  fake.here.firewall = strict
  using trap = fake.open('closed = "auto"\ncapture = "log"')
  fake.here.firewall = unsure
  await until(() => trap.settings.closed === 'listening') // The look after a start is over.
  fake.pass(10_000)
  fake.here.firewall = strict
  const reload = trap.reload(fake.settings('closed = "auto"\ncapture = "log"'))
  await turn()
  fake.here.firewall = unsure
  await reload
  assert.equal(trap.settings.closed, 'unaccepted', 'as the rules were')
  await until(() => trap.settings.closed === 'listening')
})

test('settings that are read when the daemon ends do not arm the trap again', async () => {
  const fake = fakeWorld()
  const trap = fake.open()
  const { length } = fake.firewall.loaded
  await trap.reload(fake.settings(''))
  assert.ok(fake.firewall.loaded.length > length, 'before that they do')
  const reload = trap.reload(fake.settings('number = 5000'))
  await turn()
  trap[Symbol.dispose]()
  const armed = fake.firewall.loaded.length
  await assert.rejects(reload, { exit: 69, message: /ends/ })
  await assert.rejects(trap.reload(fake.settings('number = 5000')), { exit: 69, message: /ends/ })
  assert.equal(fake.firewall.loaded.length, armed)
})

test('whoever is on the new never-list is free: in kernel, history, index, and told', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  fake.firewall.others.add('flypaper_hold', '198.51.100.1', 20)
  await trap.reload(fake.settings('never = ["198.51.100.1"]'))
  assert.deepEqual([flyNames(trap), Object.keys(fake.inKernel())], [['198.51.100.2'], ['198.51.100.2']])
  assert.deepEqual(fake.inKernel('flypaper_hold'), {})
  assert.equal(fake.history.count(fake.now()), 1)
  assert.deepEqual(fake.eventsOf('free'), [{ event: 'free', source: '198.51.100.1', by: 'the never-list' }])
})

test('whoever has become near before a reload is free by it', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  fake.here.gateways = ['198.51.100.1' as never]
  await trap.reload(fake.settings(''))
  assert.deepEqual([flyNames(trap), Object.keys(fake.inKernel())], [['198.51.100.2'], ['198.51.100.2']])
})

test('a reload that is in force is told as such, also when the kernel refuses to free the spared; arming again frees them', async () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  {
    using _ = fake.firewall.refuse(
      asked =>
        typeof asked !== 'string' &&
        asked.every(({ change }) => change === 'remove') &&
        asked.some(change => 'set' in change && change.set === 'flypaper'),
      new Error('busy'),
    )
    await trap.reload(fake.settings('never = ["198.51.100.1"]'))
  }
  assert.equal(trap.settings.never.length, 1)
  assert.deepEqual([flyNames(trap), fake.history.count(fake.now())], [['198.51.100.2'], 1])
  await until(() => trap.counts().rearmed === 1)
  assert.match(fake.said.at(-1)!, /^the kernel refused a change: Error: busy: armed again with 1 fly/)
  await until(() => !('198.51.100.1' in fake.inKernel()))
})

test('another mode opens what it needs and closes what it does not need any more', async () => {
  const fake = fakeWorld()
  using trap = fake.open('capture = "log"')
  await trap.reload(fake.settings('capture = "log"\nclosed = "unaccepted"'))
  assert.ok(fake.sockets.listening().includes('log 4247'), 'the doorbell')
  fake.firewall.others.add('flypaper_pending', '198.51.100.1', 20)
  fake.passing.refuse('198.51.100.1', '192.0.2.1', 6, 25)
  fake.sockets.ring()
  await until(() => trap.flies.count(fake.now()) === 1)
  await trap.reload(fake.settings('capture = "log"'))
  assert.deepEqual(fake.sockets.listening(), ['log 4242', 'log 4243', 'log 4244', 'log 4245', 'log 4246'])
  assert.ok(!fake.firewall.look()!.sets.some(({ name }) => name === 'flypaper_passing'))
})

test('closed = "auto" follows: at once what could hurt, else when the rules have been at rest, and longer each time', async () => {
  const fake = fakeWorld()
  const { ACCEPT, dport, jump } = statements
  const there = (...rules: Parameters<typeof byHand>[1]) => {
    fake.here.firewall = facts({ sight: sight({ ruleset: byHand('drop', rules) }) })
    fake.others.write()
    trap.refresh()
  }
  const looks = (seconds: number) => {
    fake.pass(seconds * 1000)
    trap.refresh()
    return trap.settings.closed
  }
  const changes = () => fake.said.filter(line => line.includes('the firewall has changed'))
  using trap = fake.open('closed = "auto"\ncapture = "log"')
  assert.equal(trap.settings.closed, 'listening')
  there([dport(22), ACCEPT])
  assert.equal(looks(4), 'listening', 'somebody may still be writing')
  fake.others.write()
  assert.equal(looks(4), 'listening')
  assert.equal(looks(2), 'unaccepted')
  assert.match(trap.auto!, /^closed = "auto" takes "unaccepted", since table inet filter refuses/)
  looks(60)
  assert.equal(changes().length, 1, 'said once')

  fake.here.firewall = facts({ legacy: ['filter'] as never })
  trap.refresh()
  assert.equal(trap.settings.closed, 'listening', 'not announced, and seen by a look')
  assert.match(
    changes().at(-1)!,
    /^warning: the firewall has changed: .*"unaccepted" could hurt somebody now/,
  )

  there([dport(22), ACCEPT])
  assert.equal(looks(6), 'listening', 'two programs cannot make it flap')
  assert.equal(looks(5), 'unaccepted')
  there([jump('flypaper_input')])
  assert.equal(looks(11), 'unaccepted')
  assert.equal(looks(10), 'unmatched')
  fake.here.firewall = facts()
  assert.equal(looks(0), 'unmatched')
  await trap.reload(fake.settings('closed = "auto"\ncapture = "log"'))
  assert.equal(trap.settings.closed, 'listening', 'a reload decides at once')
  await trap.reload(fake.settings('closed = "listening"\ncapture = "log"'))
  there([dport(22), ACCEPT])
  assert.equal(looks(100), 'listening', 'nobody has said auto')
})

test('closed = "auto": rules that are never at rest, a mode that sees less, and a knock that comes later', () => {
  const fake = fakeWorld()
  const { ACCEPT, DROP, dport } = statements
  const strict = byHand('drop', [[dport(22), ACCEPT]])
  fake.here.firewall = facts()
  using trap = fake.open('closed = "auto"\ncapture = "log"')
  fake.here.firewall = facts({ sight: sight({ ruleset: strict }) })
  const modes = Array.from({ length: 62 }, () => {
    fake.pass(1000)
    fake.others.write()
    trap.refresh()
    return trap.settings.closed
  })
  assert.deepEqual([modes[57], modes.at(-1)], ['listening', 'unaccepted'])

  fake.here.firewall = facts()
  for (let second = 0; second < 12; second++) {
    trap.refresh()
    fake.pass(1000)
  }
  assert.equal(trap.settings.closed, 'listening')
  assert.match(
    fake.said.at(-1)!,
    /^warning: .*takes "listening", since no rule .*, which sees less than "unaccepted"$/,
  )

  const source = { payload: { protocol: 'ip', field: 'saddr' } }
  const knock = { set: { op: 'add', elem: source, set: '@let_in' } }
  const from = { match: { op: '==', left: source, right: '@let_in' } }
  const knocking = byHand('drop', [
    [dport(7000), knock, DROP],
    [dport(22), from, ACCEPT],
  ])
  fake.here.firewall = facts({ sight: sight({ ruleset: knocking }) })
  trap.refresh()
  assert.deepEqual(trap.settings.evidence.silent, [{ protocol: 'tcp', first: 7000, last: 7000 }])
  assert.match(fake.said.at(-1)!, /^warning: .*lets in who knocks at tcp\/7000/)
})

test('while others write their rules a refusal proves nothing, for a while; then three ports do', async () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "unaccepted"\ncapture = "log"')
  let host = 0
  const refuse = async (...ports: number[]) => {
    host++
    const source = `198.51.100.${host}`
    fake.firewall.others.add('flypaper_pending', source, 20)
    for (const port of ports) fake.passing.refuse(source, '192.0.2.1', 6, port)
    fake.sockets.ring()
    await until(() => Object.keys(fake.inKernel('flypaper_passing')).length === 0)
    return trap.flies.count(fake.now())
  }
  fake.others.write()
  fake.others.write()
  assert.equal(await refuse(25, 26, 27, 28), 0)
  assert.deepEqual(fake.inKernel('flypaper_pending'), {}, 'and nobody is held for it')
  for (let second = 0; second < 31; second++) {
    fake.pass(1000)
    fake.others.write()
  }
  assert.equal(await refuse(25), 0)
  assert.deepEqual(fake.inKernel('flypaper_pending'), {})
  assert.equal(await refuse(25, 26, 27, 28), 1)
  fake.pass(6000)
  assert.equal(await refuse(25), 2, 'the control: at rest')

  fake.others.write()
  assert.equal(await refuse(25), 2)
  const { length } = Object.keys(fake.inKernel('flypaper_pending'))
  fake.others.write()
  assert.equal(Object.keys(fake.inKernel('flypaper_pending')).length, length - 1, 'that was not all: let go')
})

test('who is near is looked at again: the kernel is bothered when it has changed, judge, names and flies follow', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  const bothered = () =>
    fake.firewall.transactions
      .flat()
      .filter(change => change.change === 'empty' && change.set === 'flypaper_own').length
  const before = bothered()
  trap.refresh()
  assert.equal(bothered(), before)
  fake.here.gateways = ['198.51.100.1' as never]
  trap.refresh()
  trap.refresh()
  assert.equal(bothered(), before + 1)
  assert.deepEqual(
    Object.keys(fake.inKernel('flypaper_own')),
    ['192.0.2.1', '198.51.100.1'],
    'nobody special is the old one',
  )
  assert.deepEqual([flyNames(trap), Object.keys(fake.inKernel())], [['198.51.100.2'], ['198.51.100.2']])
  fake.sockets.deliver([packet('198.51.100.1'), packet('192.0.2.254')])
  assert.deepEqual(flyNames(trap), ['192.0.2.254', '198.51.100.2'])
  assert.equal(trap.counts().spared.near, 1)
})

test('who is near: when the kernel refuses, it is tried again at the next look', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  fake.here.gateways = ['198.51.100.1' as never]
  {
    using _ = fake.firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    assert.throws(() => trap.refresh(), /busy/)
    assert.throws(() => trap.refresh(), /busy/)
  }
  assert.deepEqual(flyNames(trap), ['198.51.100.1'])
  trap.refresh()
  assert.deepEqual([flyNames(trap), fake.inKernel()], [[], {}])
})

test('a look tells the kernel which ports are served and who is connected, and forgets flies whose time is over', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  fake.sockets.deliver([packet('198.51.100.1')])
  fake.here.served = [[6, 443]]
  fake.here.connected = ['203.0.113.9' as never]
  fake.pass(3_600_001)
  assert.ok(trap.flies.has('198.51.100.1' as never))
  trap.refresh()
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_served')), ['6,443'])
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_known')), ['203.0.113.9'])
  assert.ok(!trap.flies.has('198.51.100.1' as never))
})

test('a dry run follows this machine, too: served ports, clients, a pause', () => {
  const fake = fakeWorld()
  using trap = fake.open('dry_run = true')
  fake.here.served = [[6, 443]]
  fake.here.connected = ['203.0.113.9' as never]
  trap.refresh()
  trap.pause(600 as never, 'root')
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_served')), ['6,22', '6,443'])
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_known')), ['203.0.113.9'])
  assert.deepEqual(fake.inKernel('flypaper_grace'), { 2: 600, 10: 600 })
})

test('the ports from which this machine opens connections are followed, and told once', () => {
  const fake = fakeWorld()
  fake.here.firstLocalPort = 20_000
  using trap = fake.open()
  const rules = () => fake.firewall.loaded.findLast(text => text.includes('late-packet'))!
  assert.match(rules(), /tcp dport 20000-65535 counter drop comment "late-packet:/)
  fake.here.firstLocalPort = 1024
  trap.refresh()
  trap.refresh()
  assert.match(rules(), /tcp dport 1024-65535 counter drop comment "late-packet:/)
  assert.doesNotMatch(rules(), /20000/)
  assert.equal(fake.said.filter(line => /from ports 1024 and above/.test(line)).length, 1)
})

test('devices of ingress are taken up when they come, left out when they go, and told each time', () => {
  const fake = fakeWorld()
  using trap = fake.open('ingress = ["eth0", "ppp0"]')
  const at = () => fake.firewall.look()!.chains.find(({ name }) => name === 'flypaper_ingress')?.devices
  const said = () => fake.said.filter(line => line.includes('ingress'))
  assert.deepEqual(at(), ['eth0'])
  for (const [devices, expected, sentence] of [
    [['eth0', 'ppp0', 'eth1'], ['eth0', 'ppp0'], 'who sticks is dropped at ingress of eth0, ppp0'],
    [['ppp0'], ['ppp0'], 'who sticks is dropped at ingress of ppp0; not here now: eth0'],
    [[], undefined, 'nobody is dropped at ingress; not here now: eth0, ppp0'],
    [['eth0', 'ppp0'], ['eth0', 'ppp0'], 'who sticks is dropped at ingress of eth0, ppp0'],
  ] as const) {
    fake.here.devices = [...devices]
    trap.refresh()
    trap.refresh()
    assert.deepEqual(at(), expected)
    assert.equal(said().at(-1), sentence)
  }
  assert.equal(said().length, 5)
})

test('what cannot be read whole is said once, and again when it has been otherwise', () => {
  const fake = fakeWorld()
  using trap = fake.open()
  const said = () => fake.said.filter(line => line === 'warning: too many').length
  for (const [remarks, times] of [
    [['too many'], 1],
    [['too many', 'another'], 1],
    [[], 1],
    [['too many'], 2],
  ] as const) {
    fake.here.remarks = [...remarks]
    trap.refresh()
    assert.equal(said(), times)
  }
})
