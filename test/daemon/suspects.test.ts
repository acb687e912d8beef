/** Suspect IPv6 prefixes: the whole daemon in a fake world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SetFull } from '../../src/arm/firewall.ts'
import { WHOLE_MAX, WHOLE_WAITING_MAX } from '../../src/daemon/whole-prefixes.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import { BEGIN, FIRST, fakeWorld, until } from '../support/fake-world.ts'

const WHOLE = '[lockout]\nwhole_prefixes = true\n'
const LINE = '2001:db8:7:500::'
const SUSPECT_56 = 'flypaper_suspect_56'
const SUSPECT_48 = 'flypaper_suspect_48'

/** So many networks of this line, a port each. */
function broad(count: number, { site = '2001:db8:7', line = '5', port = 81 } = {}) {
  return Array.from({ length: count }, (_, i) => ({
    source: `${site}:${line}${i.toString(16).padStart(2, '0')}::7`,
    destination: '2001:db8::1',
    tcp: port + i,
  }))
}

type Fake = ReturnType<typeof fakeWorld>
const suspects = (fake: Fake) => [SUSPECT_56, SUSPECT_48].map(set => Object.keys(fake.inKernel(set)))
const whole = (fake: Fake) => Object.keys(fake.inKernel('flypaper_nets6'))

test('the sixteenth network makes it suspect, said once; each source sticks by itself, and the prefix does not', async () => {
  const fake = fakeWorld()
  using _ = fake.open()
  fake.sockets.deliver(broad(15))
  assert.deepEqual(suspects(fake), [[], []])
  fake.sockets.deliver(broad(20).slice(15))
  assert.deepEqual(fake.inKernel(SUSPECT_56), { [LINE]: 3600 })
  assert.equal(fake.said.filter(line => line.includes(`${LINE}/56 is suspect`)).length, 1)
  assert.equal(Object.keys(fake.inKernel('flypaper6')).length, 20)
  await sleep(50)
  assert.deepEqual(whole(fake), [])
})

test('what peers, known clients and late packets try makes nobody suspect; neither what is ours', () => {
  const fake = fakeWorld()
  using _ = fake.open('never = ["2001:db8:8:5ff::/64"]')
  for (const channel of ['peer', 'known', 'late', 'known-late'] as const)
    fake.sockets.deliver(broad(32), { channel })
  fake.sockets.deliver(broad(32, { site: '2001:db8:8' }))
  assert.deepEqual(suspects(fake), [[], []])
  fake.sockets.deliver(broad(32, { site: '2001:db8:9' }))
  assert.deepEqual(suspects(fake), [['2001:db8:9:500::'], []], 'the control')
})

test('where the settings want it, the prefix is locked out for ten minutes: recorded, told, and freed by one command', async () => {
  const fake = fakeWorld()
  using trap = fake.open(`${WHOLE}first = "1d"\n`)
  fake.sockets.deliver(broad(15))
  await sleep(50)
  assert.deepEqual(whole(fake), [], 'fifteen forged packets')
  fake.sockets.deliver(broad(16).slice(15))
  await until(() => whole(fake).length > 0)
  assert.deepEqual(fake.inKernel('flypaper_nets6'), { [`${LINE}/56`]: 600 })
  const { because, grade, since, until: ends } = fake.history.find(`${LINE}/56` as never, fake.now())!
  assert.deepEqual([because, grade, since, ends], ['many-networks', 'forgeable', BEGIN, BEGIN + FIRST])
  assert.ok(fake.said.some(line => line.startsWith(`lockout ${LINE}/56, `)))
  await trap.free([parsePrefix(`${LINE}/56`)!], 'root', () => {})
  assert.deepEqual([whole(fake), suspects(fake)], [[], [[], []]])
})

test('never where somebody lives who is known or talked to; his neighbours are', async () => {
  for (const set of ['flypaper_known6', 'flypaper_peers6']) {
    const fake = fakeWorld()
    using _ = fake.open(WHOLE)
    fake.firewall.others.add(set, '2001:db8:7:5aa::', 600)
    fake.sockets.deliver([...broad(16), ...broad(16, { line: '6' })])
    await until(() => whole(fake).length > 0)
    assert.deepEqual(whole(fake), ['2001:db8:7:600::/56'], set)
    assert.equal(suspects(fake)[0]!.length, 2)
  }
})

test('what waits, and what is locked out, is bounded; nobody is locked out in a prefix that is so already', async () => {
  const fake = fakeWorld()
  using _ = fake.open(`${WHOLE}[promotion]\nper_second = 0\n`)
  const sites = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) =>
      broad(16, { site: `2001:db8:${(first + i).toString(16)}` }),
    ).flat()
  fake.sockets.deliver(sites(256, WHOLE_WAITING_MAX + 20))
  await until(() => whole(fake).length >= WHOLE_WAITING_MAX)
  await sleep(50)
  assert.equal(whole(fake).length, WHOLE_WAITING_MAX + 1, 'one is asked for, and so many wait')
  for (let first = 1000; whole(fake).length < WHOLE_MAX; first += WHOLE_WAITING_MAX) {
    const before = whole(fake).length
    fake.sockets.deliver(sites(first, WHOLE_WAITING_MAX))
    await until(() => whole(fake).length >= Math.min(before + WHOLE_WAITING_MAX, WHOLE_MAX))
  }
  fake.sockets.deliver(sites(3000, 1))
  await sleep(50)
  assert.equal(whole(fake).length, WHOLE_MAX)
})

test('a /48 in which a /56 is locked out is left', async () => {
  const fake = fakeWorld()
  using _ = fake.open(WHOLE)
  fake.sockets.deliver(broad(16))
  await until(() => whole(fake).length > 0)
  const all = Array.from({ length: 16 }, (_, i) => broad(1, { line: (16 + i).toString(16), port: 200 + i }))
  fake.sockets.deliver(all.flat())
  await sleep(50)
  assert.deepEqual([whole(fake), suspects(fake)[1]], [[`${LINE}/56`], ['2001:db8:7::']])
})

test('a full set makes nobody suspect, and ends nothing', () => {
  const fake = fakeWorld()
  using _ = fake.open()
  using refused = fake.firewall.refuse(
    asked => typeof asked !== 'string' && asked.some(change => 'set' in change && change.set === SUSPECT_56),
    new SetFull(),
  )
  fake.sockets.deliver(broad(16))
  assert.deepEqual(suspects(fake), [[], []])
  assert.equal(Object.keys(fake.inKernel('flypaper6')).length, 16)
  refused[Symbol.dispose]()
  fake.sockets.deliver(broad(16, { line: '6' }))
  assert.deepEqual(suspects(fake), [['2001:db8:7:600::'], []], 'the control')
})
