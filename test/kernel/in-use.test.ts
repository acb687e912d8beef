/** Hosts in permanent use, from here or from behind us, stay those that we talk to as long as the connection lives, though it opens nothing new. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SETTINGS = 'peers = "10s"\nknown = "10s"'
/** Longer than a host is remembered after its last new connection. */
const LATER_MS = 13_000
const FAMILIES = [
  {
    gate: '192.0.2.1',
    behind: '10.0.0.5',
    byGate: '198.18.6.1',
    byBehind: '198.18.7.1',
    client: '198.18.8.1',
    stranger: '198.18.9.1',
  },
  {
    gate: '2001:db8:1::1',
    behind: '2001:db8:a::5',
    byGate: '2001:db8:6::1',
    byBehind: '2001:db8:7::1',
    client: '2001:db8:8::1',
    stranger: '2001:db8:9::1',
  },
] as const

async function hosts() {
  const world = await makeWorld()
  const [gate, others, behind] = (await Promise.all(
    ['gate', 'others', 'behind'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  await world.link(gate, others, {
    a: ['192.0.2.1/24', '2001:db8:1::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await world.link(gate, behind, {
    a: ['10.0.0.1/24', '2001:db8:a::1/64'],
    b: ['10.0.0.5/24', '2001:db8:a::5/64'],
  })
  await gate.forward()
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8::/36', '2001:db8:1::9')
  await behind.route('0.0.0.0/0', '10.0.0.1')
  await behind.route('::/0', '2001:db8:a::1')
  await others.route('10.0.0.0/24', '192.0.2.1')
  await others.route('2001:db8:a::/64', '2001:db8:1::1')
  for (const { byGate, byBehind, client } of FAMILIES)
    for (const host of [byGate, byBehind, client])
      await others.must(['ip', 'address', 'add', host, 'dev', 'lo'])
  await serve(others, 'tcp:7000')
  for (const { byGate } of FAMILIES) await echo(others, byGate)
  await serve(gate, 'tcp:22')
  return { world, gate, others, behind }
}

/** Answers by UDP from the address that was asked. */
async function echo(host: Host, address: string): Promise<void> {
  const socket = `const socket = require('node:dgram').createSocket('udp${address.includes(':') ? 6 : 4}')
    socket.on('message', (word, from) => socket.send(word, from.port, from.address))
    socket.bind(7000, '${address}', () => console.log('ready'))`
  await (await host.start([process.execPath, '-e', socket])).says(/^ready$/)
}

/** Says a word every half second, and prints what comes back. */
const TALKER = `const [, protocol, host, port, localAddress] = process.argv
const print = word => console.log('heard ' + word)
if (protocol === 'udp') {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4').on('message', print)
  setInterval(() => socket.send('word', port, host), 500)
} else {
  const socket = require('node:net').connect({ host, port, localAddress }).on('data', print).on('error', () => {})
  setInterval(() => socket.write('word'), 500)
}`

async function talk(host: Host, ...what: string[]): Promise<Running> {
  const flow = await host.start([process.execPath, '-e', TALKER, ...what])
  await flow.says(/heard .*word/)
  return flow
}

async function assertLives(flow: Running, what: string): Promise<void> {
  const words = () => flow.output().split('word').length
  const before = words()
  await eventually(`${what} goes on`, async () => words() > before + 2)
}

const named = (host: string) => host.replace(/::1$/, '::')

test('one forged SYN does not end connections that live for long, from here or from behind; a stranger sticks by it', async () => {
  const { world, gate, others, behind } = await hosts()
  await using _ = world
  using flypaperd = install(gate, SETTINGS)
  const daemon = await flypaperd.start()
  const flows = []
  for (const { gate: address, byGate, byBehind, client } of FAMILIES) {
    flows.push({ name: `UDP to ${byGate}`, host: byGate, flow: await talk(gate, 'udp', byGate, '7000') })
    flows.push({
      name: `TCP to ${byBehind}`,
      host: byBehind,
      flow: await talk(behind, 'tcp', byBehind, '7000'),
    })
    await talk(others, 'tcp', address, '22', client)
  }
  await sleep(LATER_MS)
  const peers = [...(await listed(gate, 'flypaper_peers')), ...(await listed(gate, 'flypaper_peers6'))]
  for (const { name, host } of flows) assert.ok(peers.includes(named(host)), `${name} is one that we talk to`)
  for (const { client } of FAMILIES)
    assert.ok(!peers.includes(named(client)), 'the twin: whoever has opened a connection to us is not')

  // From another side, where nobody else sends in these names.
  for (const { gate: address, byGate, byBehind, stranger } of FAMILIES)
    for (const source of [byGate, byBehind, stranger])
      await send(behind, { bursts: [[{ source, destination: address, tcp: 81 }]], wait: 0 })
  for (const { stranger } of FAMILIES)
    await daemon.says(new RegExp(`lockout ${stranger.replace(/::1$/, '::/64')}, who tried TCP-port 81`))
  for (const { name, flow } of flows) await assertLives(flow, name)
  assert.equal(lockouts(daemon).length, FAMILIES.length, 'the control: the strangers, and nobody else')
})

test('whose connection has ended is forgotten; and where there is no room for all, those who are there stay', async () => {
  const { world, gate, others } = await hosts()
  await using _ = world
  using flypaperd = install(gate, `${SETTINGS}\n[sizes]\npeers = 16`)
  const daemon = await flypaperd.start()
  const [{ byGate, byBehind, gate: address }] = FAMILIES
  const flow = await talk(gate, 'udp', byGate, '7000')
  // Hosts that are asked, and do not answer, have all the room that is left.
  const asked = Array.from({ length: 20 }, (_, i) => ({
    source: '192.0.2.2',
    destination: `198.18.20.${i + 1}`,
    udp: 9,
  }))
  const ask = () => send(gate, { bursts: [asked], wait: 0 })
  await ask()
  await talk(gate, 'tcp', byBehind, '7000')
  for (const end = Date.now() + LATER_MS; Date.now() < end; await sleep(500)) await ask()
  assert.ok((await listed(gate, 'flypaper_peers')).includes(byGate))
  assert.equal((await listed(gate, 'flypaper_peers')).length, 16, 'the control: there is no room')
  assert.doesNotMatch(daemon.output(), /cannot/)

  await flow.stop()
  await gate.must(['conntrack', '-D', '-p', 'udp', '-d', byGate])
  await sleep(LATER_MS)
  assert.ok(!(await listed(gate, 'flypaper_peers')).includes(byGate))
  await send(others, { bursts: [[{ source: byGate, destination: address, tcp: 81 }]], wait: 0 })
  await daemon.says(new RegExp(`lockout ${byGate}, who tried TCP-port 81`))
})
