/** A port at which somebody listens by another own address alone is as silent as any that is closed; where he listens, or did lately, nothing changes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BOUND_MAX } from '../../src/arm/bound.ts'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { firewall } from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { answersTo, GATE, hosts } from '../support/silence.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Other addresses of the gate. */
const OTHER = ['192.0.2.2', '2001:db8:1::2']
const MODES = [
  { closed: 'listening', rules: '' },
  {
    closed: 'unaccepted',
    rules: firewall('tcp dport != 7000', 'udp dport != 7000', 'meta l4proto { icmp, icmpv6 }'),
  },
] as const

/** Listens by these addresses alone, TCP and UDP. */
const BOUND = `const [port, ...addresses] = process.argv.slice(1)
const net = require('node:net'), dgram = require('node:dgram')
let left = 2 * addresses.length
const ready = () => --left === 0 && console.log('ready')
for (const host of addresses) {
  net.createServer(socket => socket.on('error', () => {})).listen({ host, port: Number(port) }, ready)
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (message, from) => socket.send(message, from.port, from.address))
  socket.bind(Number(port), host, ready)
}`

async function bind(gate: Host, port: number, ...addresses: readonly string[]) {
  const service = await gate.start([process.execPath, '-e', BOUND, String(port), ...addresses])
  await service.says(/^ready$/)
  return service
}

/** So many sockets of UDP, one more than are remembered. */
const MANY = `const dgram = require('node:dgram'), [address] = process.argv.slice(1)
let left = ${BOUND_MAX + 1}
for (let port = 10_000; port <= 10_000 + ${BOUND_MAX}; port++)
  dgram.createSocket('udp4').bind({ port, address, exclusive: true }, () => --left === 0 && console.log('ready'))`

async function many(gate: Host, address: string): Promise<void> {
  const command = ['sh', '-c', 'ulimit -n 16384; exec "$@"', 'sh', process.execPath, '-e', MANY, address]
  await (await gate.start(command)).says(/^ready$/)
}

const both = (port: number): readonly Carries[] => [{ tcp: port }, { udp: port, data: 'x' }]
const NOTHING = ['nothing', 'nothing', 'nothing', 'nothing']

for (const { closed, rules } of MODES)
  test(`${closed}: who listens by another address is not there, and not to be told from who is not`, async () => {
    await using world = await makeWorld()
    const { gate, sender } = await hosts(world)
    for (const [i, address] of OTHER.entries())
      await gate.must([
        'ip',
        'address',
        'add',
        `${address}/${[24, 64][i]}`,
        'dev',
        'to-sender',
        ...(i ? ['nodad'] : []),
      ])
    if (rules !== '') await gate.nft(rules)
    await serve(gate, 'tcp:22', 'udp:22', 'tcp:7000', 'udp:7000')
    const service = await bind(gate, 8081, ...GATE)
    // IPv4 by a socket of IPv6; and from where no port is excusable, since anybody may open one there.
    await bind(gate, 8082, `::ffff:${GATE[0]}`)
    await bind(gate, 40_000, ...GATE)
    const loud = await answersTo(sender, OTHER, both(8081))
    assert.deepEqual(loud.kinds, ['rst', 'icmp', 'rst', 'icmp'], 'the control: without the trap')

    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    const elsewhere = await answersTo(sender, OTHER, both(8081))
    assert.deepEqual(elsewhere.kinds, NOTHING)
    assert.deepEqual((await answersTo(sender, OTHER.slice(0, 1), both(8082))).kinds, NOTHING.slice(2))
    // As any port that honest hosts ask for, too: one is not enough, and it counts.
    assert.deepEqual(lockouts(daemon), [])
    for (const source of elsewhere.sources)
      await eventually(`what counts of ${source}`, async () =>
        /8081 \(2\) = 2 of 6/.test((await flypaperd.run('why', source)).stdout.replace(/\s+/g, ' ')),
      )
    const rest = await answersTo(sender, OTHER, [...both(40_000), ...both(81)])
    assert.deepEqual(rest.kinds, [...NOTHING, ...NOTHING])
    assert.deepEqual((await lockoutsOf(daemon, 8)).toSorted(), rest.sources.toSorted(), 'closed as any')
    if (rules !== '') {
      const firewalled = await answersTo(sender, OTHER, both(7000))
      assert.deepEqual(firewalled.kinds, NOTHING, 'firewalled')
      const all = [...rest.sources, ...firewalled.sources]
      assert.deepEqual((await lockoutsOf(daemon, all.length)).toSorted(), all.toSorted(), 'and refused')
    }

    // The controls: where they listen, and who listens by all.
    assert.deepEqual((await answersTo(sender, GATE, both(8081))).kinds, ['syn-ack', 'udp', 'syn-ack', 'udp'])
    assert.deepEqual((await answersTo(sender, GATE.slice(0, 1), both(8082))).kinds[0], 'syn-ack')
    assert.deepEqual((await answersTo(sender, OTHER, both(22))).kinds, ['syn-ack', 'udp', 'syn-ack', 'udp'])

    // It restarts: its clients hear so where it was, as without us.
    const before = lockouts(daemon).length
    await service.stop('SIGKILL')
    const outage = async (where: readonly string[]) => (await answersTo(sender, where, both(8081))).kinds
    assert.deepEqual(await outage(GATE), ['rst', 'icmp', 'rst', 'icmp'])
    assert.deepEqual(await outage(OTHER), NOTHING)
    // It moves to the other address: where it was it counts as served for as long as any port does.
    await bind(gate, 8081, ...OTHER)
    await gate.must(['ip', 'address', 'add', '192.0.2.77/24', 'dev', 'to-sender'])
    const isThere = async () =>
      (await listed(gate, 'flypaper_bound')).some(one => one.startsWith('192.0.2.2 . tcp . 8081'))
    await eventually('the look after it', isThere)
    assert.deepEqual(await outage(OTHER), ['syn-ack', 'udp', 'syn-ack', 'udp'])
    assert.deepEqual(await outage(GATE), ['rst', 'icmp', 'rst', 'icmp'])
    assert.equal(lockouts(daemon).length, before)
    if (closed === 'unaccepted') return

    // More than are remembered: all ports count as listening everywhere.
    await many(gate, GATE[0]!)
    await gate.must(['ip', 'address', 'add', '192.0.2.78/24', 'dev', 'to-sender'])
    await eventually('the next look', async () => (await listed(gate, 'flypaper_bound_ports')).length === 0)
    assert.deepEqual(await outage(['192.0.2.77']), ['rst', 'icmp'])
  })
