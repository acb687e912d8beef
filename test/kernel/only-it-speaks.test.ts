/** Connections of ours to who sticks live on, also those in which only it speaks: nothing of ours goes out by which a rule would know them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const FAMILIES = [
  { gate: '192.0.2.1', server: '198.18.6.1', named: '198.18.6.1', net: '198.18.6.0/24' },
  { gate: '2001:db8:1::1', server: '2001:db8:6::1', named: '2001:db8:6::/64', net: '2001:db8:6::/48' },
] as const
/** Longer than our acknowledgement of the last word takes: then nothing of ours goes out any more. */
const PAUSE_MS = 400

/** By TCP it says a word again and again to whoever connects, by UDP to whoever has asked once; what it hears it does not answer. */
const SPEAKER = `const [, address, port] = process.argv
const again = say => setInterval(say, ${PAUSE_MS})
require('node:net').createServer(socket => {
  const saying = again(() => socket.write('word'))
  socket.on('error', () => {}).on('close', () => clearInterval(saying)).resume()
}).listen(port, address, () => {
  const udp = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
  udp.on('message', (_, from) => again(() => udp.send('word', from.port, from.address)))
  udp.bind(port, address, () => console.log('ready'))
})`

/** Opens a connection, by UDP with one word, and prints what comes. */
const LISTENER = `const [, protocol, host, port, localAddress] = process.argv
const print = word => console.log('heard ' + word)
if (protocol === 'tcp') require('node:net').connect({ host, port, localAddress }).on('data', print).on('error', () => {})
else {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4').on('message', print)
  socket.bind(0, localAddress, () => socket.send('hello', port, host))
}`

async function speak(host: Host, address: string, port: number): Promise<void> {
  await (await host.start([process.execPath, '-e', SPEAKER, address, String(port)])).says(/^ready$/)
}

async function listen(host: Host, ...what: string[]): Promise<Running> {
  const listener = await host.start([process.execPath, '-e', LISTENER, ...what])
  await listener.says(/heard word/)
  return listener
}

const words = (flow: Running) => flow.output().split('word').length

/** The gate, and beyond it servers that are elsewhere; each side speaks at port 7000 to whoever has called. */
async function gateAndServers(world: World) {
  const [gate, others] = [await world.host('gate'), await world.host('others')]
  await world.link(gate, others, {
    a: ['192.0.2.1/24', '2001:db8:1::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8::/36', '2001:db8:1::9')
  for (const { gate: here, server } of FAMILIES) {
    await others.must(['ip', 'address', 'add', server, 'dev', 'lo'])
    await speak(others, server, 7000)
    await speak(gate, here, 7000)
  }
  return { gate, others }
}

async function flowsOf(gate: Host, others: Host) {
  const ours: Running[] = []
  const its: Running[] = []
  for (const { gate: here, server } of FAMILIES)
    for (const protocol of ['tcp', 'udp']) {
      ours.push(await listen(gate, protocol, server, '7000'))
      its.push(await listen(others, protocol, here, '7000', server))
    }
  return { ours, its }
}

async function assertLive(flows: readonly Running[], what: string): Promise<void> {
  const before = flows.map(words)
  await eventually(`${what} go on`, () => flows.every((flow, i) => words(flow) > before[i]! + 3))
}

async function assertDead(flows: readonly Running[], what: string): Promise<void> {
  await sleep(2 * PAUSE_MS)
  const before = flows.map(words)
  await sleep(4 * PAUSE_MS)
  assert.deepEqual(flows.map(words), before, what)
}

const canOpen = async (from: Host, source: string, to: string) =>
  (await from.run(['nc', '-z', '-w', '1', '-s', source, to, '7000'])).code === 0

for (const how of ['by three packets', 'by hand', 'by a prefix'])
  test(`${how}: whoever sticks goes on in a connection of ours in which only it speaks, and in nothing else`, async () => {
    await using world = await makeWorld()
    const { gate, others } = await gateAndServers(world)
    using flypaperd = install(gate)
    const daemon = await flypaperd.start()
    const { ours, its } = await flowsOf(gate, others)
    for (const { gate: here, server } of FAMILIES)
      assert.ok(await canOpen(others, server, here), 'the control: it opens what it likes')

    for (const { gate: destination, server: source, named, net } of FAMILIES)
      if (how === 'by three packets') {
        const tries = [81, 82, 83].map(tcp => [{ source, destination, tcp }])
        await send(others, { bursts: tries, wait: 0 })
        await daemon.says(new RegExp(`lockout ${named}, who tried`))
      } else await flypaperd.must('lock', how === 'by hand' ? source : net)

    await assertLive(ours, 'connections that we have opened')
    await assertDead(its, 'what it has opened is dead')
    for (const { gate: here, server } of FAMILIES)
      assert.equal(await canOpen(others, server, here), false, 'and it opens nothing')
    if (how === 'by a prefix') return

    await gate.nft('delete table inet filter')
    await daemon.says(/armed again/)
    await assertLive(ours, 'the same when somebody has removed the trap')
    await assertDead(its, 'and it is there again')
  })
