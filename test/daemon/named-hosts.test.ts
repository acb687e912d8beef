/** Hosts that are known by a name: in the sets of known clients for as long as the name has them, and for no longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAME_FREES_MAX } from '../../src/daemon/named-free.ts'
import { NAME_SECONDS_MAX } from '../../src/settings/host-names.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { fakeWorld, turns, until } from '../support/fake-world.ts'

const NAME = 'home.example.net'
const TOML = `names = ["${NAME}", "office.example.net"]\n`
const [OLD, NEW] = ['203.0.113.7', '203.0.113.8']
const DAY_MS = 86_400_000

function running(toml = TOML) {
  const it = fakeWorld()
  const trap = it.open(toml)
  const known = (six = '') => Object.keys(it.inKernel(`flypaper_known${six}`))
  return {
    ...it,
    trap,
    known,
    /** So many seconds go by, and what is due is done. */
    later(seconds: number) {
      it.pass(seconds * 1000)
      trap.refresh()
    },
    /** Traffic of its own makes it known for the ten minutes of `known`. */
    comes: (host: string) =>
      it.firewall.change([
        { change: 'remove', set: 'flypaper_known', elements: [{ element: host as Address }] },
        { change: 'add', set: 'flypaper_known', elements: [{ element: host as Address }] },
      ]),
    name: (hosts: readonly string[], seconds = NAME_SECONDS_MAX) => trap.nameHosts(NAME, hosts, seconds),
  }
}

test('known while the name has it, whoever comes; the old one is not any more at once', () => {
  const it = running()
  using _ = it.trap
  assert.deepEqual(it.name([OLD, '2001:db8:7::9', OLD]), { known: [OLD, '2001:db8:7::9'], refused: [] })
  assert.deepEqual([it.known(), it.known('6')], [[OLD], ['2001:db8:7::']])
  assert.deepEqual(it.trap.named()[0]!.hosts, [OLD, '2001:db8:7::9'])
  for (let i = 0; i < 20; i++) it.later(100)
  assert.deepEqual(it.known(), [OLD], 'half an hour later')
  it.name([NEW])
  assert.deepEqual([it.known(), it.known('6')], [[NEW], []])
  it.name([])
  assert.deepEqual(it.known(), [])
  it.name([NEW])
  it.name([])
  assert.deepEqual(
    it.said.filter(line => line.startsWith('names:')),
    [
      `names: ${NAME} has changed: ${OLD}, 2001:db8:7::9 are known`,
      `names: ${NAME} has changed: ${NEW} is known`,
    ],
    'one line a minute of one that flaps',
  )
  it.later(61)
  it.name([OLD])
  assert.ok(
    it.said.includes(`names: ${NAME} has changed: ${OLD} is known (and 3 changes more since the last one)`),
  )
})

test('who is known by traffic of his own stays as long as that says, whatever the name does meanwhile', () => {
  const it = running()
  using _ = it.trap
  it.comes(OLD)
  it.later(60)
  it.name([OLD])
  it.later(100)
  it.name([NEW])
  assert.deepEqual(it.known(), [OLD, NEW])
  it.pass(441_000) // Ten minutes after he came.
  it.later(0)
  assert.deepEqual(it.known(), [NEW])

  // Also when the name has renewed him meanwhile.
  it.comes(NEW)
  for (let i = 0; i < 4; i++) it.later(100)
  it.name([OLD])
  const left = it.inKernel('flypaper_known')[NEW] as number
  assert.ok(left > 100 && left <= 200, `${left} s of the ten minutes are left`)
})

test('a day after the last answer it is forgotten, and so is a name that the settings lose', async () => {
  const it = running()
  using _ = it.trap
  it.name([OLD], 2 * NAME_SECONDS_MAX)
  it.later(DAY_MS / 1000 - 10)
  assert.deepEqual(it.known(), [OLD])
  it.later(20)
  assert.deepEqual([it.known(), it.trap.named()[0]], [[], { name: NAME, hosts: [] }])
  assert.ok(it.said.some(line => line.startsWith(`names: no host is known as ${NAME} any more: nobody`)))

  it.name([NEW])
  await it.trap.reload(it.settings('names = ["office.example.net"]'))
  assert.deepEqual([it.known(), it.trap.named()], [[], [{ name: 'office.example.net', hosts: [] }]])
  assert.throws(() => it.name([NEW]), /home\.example\.net does not stand under names in the settings/)
  assert.throws(() => it.name([NEW]))
  assert.equal(it.said.filter(line => /refused, since home/.test(line)).length, 1, 'paced')
  await it.trap.reload(it.settings(TOML))
  it.name([NEW])
  assert.deepEqual(it.known(), [NEW])
})

test('what no host is, is refused with a sentence, and told once; without a good one the last good answer stays', () => {
  const it = running()
  using _ = it.trap
  it.name([OLD])
  const bad = {
    '127.0.0.1': 'is a loopback address',
    '::ffff:127.0.0.1': 'is a loopback address',
    '::1': 'is a loopback address',
    '0.0.0.0': 'is unspecified',
    '::': 'is unspecified',
    '169.254.1.1': 'is link-local',
    'fe80::1': 'is link-local',
    '224.0.0.1': 'is multicast',
    'ff02::1': 'is multicast',
    '255.255.255.255': 'is reserved',
    '192.0.2.1': 'is an address of this machine',
    '203.0.113.0/24': 'is a prefix, and a name has hosts alone',
    'example.net': 'is no address',
  }
  const refused = Object.entries(bad).map(([host, why]) => ({ host, why }))
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(it.name(Object.keys(bad)), { known: [OLD], refused })
    it.name([OLD])
  }
  assert.deepEqual(it.known(), [OLD])
  assert.equal(it.said.filter(line => line.startsWith('warning: names: of')).length, 1)
  assert.deepEqual(it.name(['127.0.0.1', NEW, '10.0.0.9']).known, [NEW, '10.0.0.9'])
  assert.deepEqual(it.known(), [NEW, '10.0.0.9'])
})

test('a trap that is armed again knows them again, and one whose set is full says so', () => {
  const it = running(`${TOML}sizes.known = 16\n`)
  using _ = it.trap
  it.name([OLD])
  it.others.flushRuleset()
  it.later(10)
  assert.deepEqual(it.known(), [OLD])
  const elements = Array.from({ length: 15 }, (_, i) => ({ element: `198.51.100.${i}` as Address }))
  it.firewall.change([{ change: 'add', set: 'flypaper_known', elements }])
  it.name([OLD, NEW])
  assert.ok(!it.known().includes(NEW))
  assert.ok(it.said.some(line => /the set of known clients is full/.test(line)))
})

test('who comes under a name is let go where anybody can have locked him out; not whom a person did, nor without end', async () => {
  const it = running()
  using _ = it.trap
  const fly = (n: number) => `203.0.113.${n}`
  const isFly = (host: string) => Object.hasOwn(it.inKernel(), host)
  for (let n = 10; n < 20; n++) it.sockets.deliver([{ source: fly(n), destination: '192.0.2.1', tcp: 81 }])
  it.trap.lock([{ prefix: parsePrefix(fly(20))!, length: undefined }], {
    by: 'anna',
    note: 'no',
    force: false,
    exact: false,
  })
  await until(() => isFly(fly(19)) && isFly(fly(20)))
  it.name([fly(20), fly(10)])
  await until(() => !isFly(fly(10)))
  assert.ok(isFly(fly(20)) && isFly(fly(11)))
  assert.equal(it.eventsOf('free').at(-1)!.by, `the name ${NAME}`)
  for (let n = 11; n < 20; n++) {
    it.name([fly(n)])
    await turns()
  }
  assert.equal(
    it.eventsOf('free').length,
    NAME_FREES_MAX - 1,
    'whom a person locked out was looked for as well',
  )
  assert.ok(it.said.some(line => /stays locked out: within an hour a name lets 4 go at most/.test(line)))
  it.later(3601)
  it.sockets.deliver([{ source: fly(30), destination: '192.0.2.1', tcp: 81 }])
  it.name([fly(30)])
  await until(() => !isFly(fly(30)))
})
