/**
 * Neighbours on a link by addresses that are no host's, or by frames to everybody: they find no more than others, nobody is locked out for it, and the
 * link lives. In each mode.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { firewall } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
const ROUTER = 'fe80::fe'
/** Of each kind two: one tries a closed port first, the other an open one alone. */
const NEIGHBOURS = ['fe80::71', '169.254.7.71', '64:ff9b:1::71', 'fec0::71', '100::71', '4001::71']
const FRESH = NEIGHBOURS.map(address => address.replace('71', '72'))
const PEERS = ['fe80::75', '169.254.7.75']

const OPEN = firewall('tcp dport 22', 'udp dport 5000', 'meta l4proto { icmp, icmpv6 }')
const MODES = [
  { closed: 'listening', rules: '' },
  { closed: 'unmatched', rules: OPEN },
  { closed: 'unaccepted', rules: OPEN },
] as const

async function gateAndNeighbour(world: World) {
  const [gate, neighbour] = (await Promise.all(['gate', 'neighbour'].map(name => world.host(name)))) as [
    Host,
    Host,
  ]
  const all = [...NEIGHBOURS, ...FRESH, ...PEERS, ROUTER]
  const b = all.map(address => `${address}/${address.includes(':') ? 64 : 16}`)
  await world.link(gate, neighbour, {
    a: [`${GATE}/24`, `${GATE6}/64`, '169.254.7.1/16', 'fe80::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64', ...b],
  })
  for (const net of ['64:ff9b:1::/64', 'fec0::/64', '100::/64', '4001::/64'])
    await gate.must(['ip', '-6', 'route', 'add', net, 'dev', 'to-neighbour'])
  await gate.must(['ip', '-6', 'route', 'add', 'default', 'via', ROUTER, 'dev', 'to-neighbour'])
  for (const path of ['net/ipv4/icmp_ratelimit', 'net/ipv6/icmp/ratelimit']) await gate.sysctl(path, 0)
  await serve(gate, 'tcp:22', 'udp:5000')
  return { gate, neighbour }
}

/** What each packet of each source is answered, in turn. */
async function kinds(host: Host, sources: readonly string[], ...what: readonly Carries[]) {
  const to = (source: string) => (source.includes(':') ? GATE6 : GATE)
  const bursts = sources.flatMap(source =>
    what.map(carries => [{ source, destination: to(source), ...carries }]),
  )
  const { answers } = await send(host, { bursts })
  return sources.map(source =>
    answers.filter(({ destination }) => destination === source).map(({ kind }) => kind),
  )
}

const nothing = (of: readonly string[]) => of.map(() => [])
const synAck = (of: readonly string[]) => of.map(() => ['syn-ack'])

for (const { closed, rules } of MODES)
  test(`${closed}: who is no host finds no open port behind a closed one, and keeps what he has`, async () => {
    await using world = await makeWorld()
    const { gate, neighbour } = await gateAndNeighbour(world)
    if (rules === '')
      for (const answers of await kinds(neighbour, NEIGHBOURS, { tcp: 81 }))
        assert.deepEqual(answers, ['rst'], 'the control: without the trap')
    if (rules !== '') await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nhold = "8s"`)
    const daemon = await flypaperd.start()

    const client = await neighbour.start(['nc', '-s', `${NEIGHBOURS[0]}%to-gate`, 'fe80::1%to-gate', '22'])
    await client.says(/^port 22$/)
    assert.deepEqual(await kinds(neighbour, FRESH, { tcp: 22 }), synAck(FRESH), 'open ports answer')
    // A closed port, or UDP, then what is open; from nowhere else than there.
    const scan = [{ tcp: 81 }, { tcp: 22 }, { udp: 5000, data: 'x' }, { tcp: 82 }] as const
    assert.deepEqual(await kinds(neighbour, NEIGHBOURS, ...scan), nothing(NEIGHBOURS))
    assert.deepEqual(await kinds(neighbour, FRESH.slice(0, 2), { udp: 81 }, { tcp: 22, from: 4 }), [[], []])

    // The link lives: neighbours are found, pings are answered, connections go on; the router is not stuck.
    client.write('still here\n')
    await client.says(/^still here$/)
    await gate.must(['ip', '-6', 'neighbour', 'flush', 'dev', 'to-neighbour'])
    assert.deepEqual(await kinds(neighbour, [NEIGHBOURS[0]!], { icmp: 128 }), [['icmp']])
    await gate.must(['ping', '-6', '-c', '1', '-W', '5', `${NEIGHBOURS[0]}%to-neighbour`])
    await kinds(neighbour, [ROUTER], { tcp: 81 }, { udp: 81 })
    assert.deepEqual(await kinds(neighbour, [ROUTER], { tcp: 22, from: 5 }), [['syn-ack']])

    // Nor is a host that we talk to, though it hears nothing from a closed port.
    for (const peer of PEERS)
      await gate.run(['nc', '-z', '-w', '1', peer.includes(':') ? `${peer}%to-neighbour` : peer, '7'])
    assert.deepEqual(await kinds(neighbour, PEERS, { tcp: 81 }), nothing(PEERS))
    assert.deepEqual(await kinds(neighbour, PEERS, { tcp: 22, from: 6 }), synAck(PEERS))

    // What may be late, or noise, is not answered, and does not count.
    const innocents: readonly Carries[] = [
      { tcp: 81, flags: 0x10 },
      { tcp: 81, flags: 0x12 },
      { udp: 68, from: 67 },
      { udp: 546, from: 547 },
      { udp: 40_001, from: 53 },
      { udp: 123, from: 123 },
    ]
    const late = FRESH.slice(2)
    assert.deepEqual(await kinds(neighbour, late, ...innocents), nothing(late))
    assert.deepEqual(await kinds(neighbour, late, { tcp: 22, from: 7 }), synAck(late))

    // It ends by itself, and nobody was locked out or held; a stranger is.
    for (const set of ['flypaper_linked', 'flypaper_linked6'])
      await eventually(`an empty ${set}`, async () => (await listed(gate, set)).length === 0, 15_000)
    assert.deepEqual(await kinds(neighbour, NEIGHBOURS, { tcp: 22, from: 8 }), synAck(NEIGHBOURS))
    for (const set of ['flypaper_hold', 'flypaper_hold6', 'flypaper', 'flypaper6'])
      assert.deepEqual(await listed(gate, set), [], set)
    assert.deepEqual(lockouts(daemon), [])
    await kinds(neighbour, ['2001:db8:1::77'], { tcp: 81 })
    assert.deepEqual(await lockoutsOf(daemon, 1), ['2001:db8:1::77'])
  })

test('the same address on another link is somebody else', async () => {
  await using world = await makeWorld()
  const { gate, neighbour } = await gateAndNeighbour(world)
  const other = await world.host('other')
  await world.link(gate, other, { a: ['192.0.2.129/25', 'fe80::1/64'], b: ['192.0.2.130/25', 'fe80::71/64'] })
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  await flypaperd.start()
  const asks = (host: Host) =>
    host.run(['nc', '-N', '-w', '2', '-s', 'fe80::71%to-gate', 'fe80::1%to-gate', '22'], { input: 'x\n' })
  await kinds(neighbour, ['fe80::71'], { tcp: 81 })
  assert.deepEqual(await listed(gate, 'flypaper_linked6'), ['fe80::71 . "to-neighbour"'])
  assert.doesNotMatch((await asks(neighbour)).stdout, /port 22/)
  assert.match((await asks(other)).stdout, /port 22/)
})

for (const { closed, rules } of MODES)
  test(`${closed}: UDP to us alone in frames to everybody counts by different ports`, async () => {
    await using world = await makeWorld()
    const { gate, neighbour } = await gateAndNeighbour(world)
    if (rules !== '') await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    await toEverybody(neighbour)
    const scanners = ['192.0.2.61', '2001:db8:1::61']
    const others = ['192.0.2.62', '2001:db8:1::62']
    const udp = (...ports: number[]) => ports.map(port => ({ udp: port, data: 'x' }))
    for (const [i, scanner] of [...scanners, ...others].entries())
      await neighbour.must(['ip', 'address', 'add', `${scanner}/${i % 2 === 0 ? 24 : 64}`, 'dev', 'to-gate'])
    // Two ports are nothing yet, and the same again is no news.
    assert.deepEqual(await kinds(neighbour, others, ...udp(81, 82, 81, 5000)), [['udp'], ['udp']])
    assert.deepEqual(await kinds(neighbour, scanners, ...udp(81, 82, 83, 5000)), nothing(scanners))
    assert.deepEqual((await lockoutsOf(daemon, 2)).toSorted(), scanners)
  })

/** From now on its frames for the gate are for everybody. */
async function toEverybody(neighbour: Host): Promise<void> {
  const everybody = ['lladdr', 'ff:ff:ff:ff:ff:ff', 'nud', 'permanent', 'dev', 'to-gate']
  for (const gate of [GATE, GATE6]) await neighbour.must(['ip', 'neighbour', 'replace', gate, ...everybody])
}

test('the kernel drops such frames where doctor’s advice is followed', async () => {
  await using world = await makeWorld()
  const { gate, neighbour } = await gateAndNeighbour(world)
  await toEverybody(neighbour)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  const sources = ['192.0.2.9', '2001:db8:1::9']
  const ask = () => kinds(neighbour, sources, { udp: 5000, data: 'x' })
  assert.deepEqual(await ask(), [['udp'], ['udp']], 'the control')
  const said = await flypaperd.must('doctor')
  const [, advice] = /frames to everybody[\s\S]*?: sysctl -w (net\/[^\n]*)/.exec(said)!
  await gate.must(['sysctl', '-w', ...advice!.split(' ')])
  assert.deepEqual(await ask(), nothing(sources))
  assert.doesNotMatch(await flypaperd.must('doctor'), /frames to everybody/)
})
