/** Doors with real WireGuard: the way in of an administrator who is locked out, and of nobody else. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { install, lockoutsOf } from '../../support/daemon.ts'
import { eventually } from '../../support/eventually.ts'
import { send } from '../../support/sender.ts'
import { serve } from '../../support/server.ts'
import { listed } from '../../support/trap.ts'
import { type Host, makeWorld } from '../../support/world.ts'

const GATE = '192.0.2.1'
const PEER = '192.0.2.9'
const STRANGER = '198.51.100.9'
const INSIDE = '10.9.0.1'
const DOOR = 51_820

const world = await makeWorld()
after(() => world[Symbol.asyncDispose]())
const [gate, peer, stranger] = (await Promise.all(
  ['gate', 'peer', 'stranger'].map(name => world.host(name)),
)) as [Host, Host, Host]
await world.link(gate, peer, { a: [`${GATE}/24`], b: [`${PEER}/24`] })
await world.link(gate, stranger, { a: ['198.51.100.1/24'], b: [`${STRANGER}/24`] })
await stranger.route(`${GATE}/32`, '198.51.100.1')
await serve(gate, 'tcp:22', `udp:${DOOR + 1}`)
const keys = { gate: await keyPair(gate), peer: await keyPair(gate), stranger: await keyPair(gate) }
await tunnel(gate, `${INSIDE}/24`, keys.gate.secret, [
  ...['listen-port', String(DOOR)],
  ...['peer', keys.peer.open, 'allowed-ips', '10.9.0.2/32'],
])

async function keyPair(host: Host) {
  const secret = (await host.must(['wg', 'genkey'])).trim()
  return { secret, open: (await host.must(['wg', 'pubkey'], { input: secret })).trim() }
}

/** Makes wg0 anew: whoever opens it has to shake hands. */
async function tunnel(host: Host, address: string, secret: string, rest: readonly string[]): Promise<void> {
  await host.run(['ip', 'link', 'delete', 'wg0'])
  await host.must(['ip', 'link', 'add', 'wg0', 'type', 'wireguard'])
  // What Node gives as standard input is a socket, which cannot be opened by a path.
  const set = 'cat | wg set wg0 private-key /proc/self/fd/0 "$@"'
  await host.must(['sh', '-ec', set, 'sh', ...rest], { input: secret })
  await host.must(['ip', 'address', 'add', address, 'dev', 'wg0'])
  await host.must(['ip', 'link', 'set', 'wg0', 'up'])
}

/** Opens the tunnel with this key, and says whether ssh is reached in it. */
async function getsIn(host: Host, { secret }: { secret: string }): Promise<boolean> {
  const endpoint = ['peer', keys.gate.open, 'endpoint', `${GATE}:${DOOR}`, 'allowed-ips', `${INSIDE}/32`]
  await tunnel(host, '10.9.0.2/24', secret, endpoint)
  return await reaches(host, INSIDE)
}

async function reaches(host: Host, to: string): Promise<boolean> {
  const { stdout } = await host.run(['nc', '-N', '-w', '8', to, '22'], { input: 'word\n' })
  return stdout.includes('port 22')
}

/** How many of the gate's peers have shaken hands. */
async function handshakes(): Promise<number> {
  const told = await gate.must(['wg', 'show', 'wg0', 'latest-handshakes'])
  return told.split('\n').filter(line => /\t[1-9]\d*$/.test(line)).length
}

const doors = () => listed(gate, 'flypaper_doors')
const becomes = (what: string, ...ports: number[]) =>
  eventually(what, async () => (await doors()).join() === ports.map(port => `udp . ${port}`).join())

// One for all of them: to start it takes half a minute here.
const flypaperd = install(gate, 'closed = "listening"')
after(() => flypaperd[Symbol.dispose]())
const daemon = await flypaperd.start()

test('ports are those of interfaces that are up, here, and are followed', async () => {
  assert.deepEqual(await doors(), [`udp . ${DOOR}`])
  await gate.must(['ip', 'link', 'set', 'wg0', 'down'])
  await becomes('down')
  await gate.must(['ip', 'link', 'set', 'wg0', 'up'])
  await becomes('up', DOOR)
  await gate.must(['ip', 'link', 'add', 'wg1', 'type', 'wireguard'])
  await gate.must(['wg', 'set', 'wg1', 'listen-port', '51822'])
  // What a user makes in a namespace of his own is nothing to us.
  const user = await gate.start([
    ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'unshare', '-Urn', 'sh', '-ec'],
    'ip link add wg2 type wireguard; wg set wg2 listen-port 7777; ip link set wg2 up; wg show wg2 listen-port; exec sleep 1000',
  ])
  await user.says(/^7777$/)
  await gate.must(['ip', 'link', 'set', 'wg1', 'up'])
  await becomes('a second', DOOR, 51_822)
  await gate.must(['ip', 'link', 'delete', 'wg1'])
  await becomes('gone', DOOR)
})

test('a scanner gains a port that is silent, whatever it sends there', async () => {
  await eventually('the control', () => reaches(stranger, GATE))
  const tries = [81, 82, 83].map(tcp => ({ source: STRANGER, destination: GATE, tcp }))
  await send(stranger, { bursts: tries.map(packet => [packet]), wait: 0 })
  assert.deepEqual(await lockoutsOf(daemon, 1), [STRANGER])
  const before = daemon.output().length
  const after = [DOOR, DOOR + 1, 7].map(udp => ({ source: STRANGER, destination: GATE, udp }))
  assert.deepEqual((await send(stranger, { bursts: after.map(packet => [packet]) })).answers, [])
  // He knows the gate's key, but the gate does not know his.
  assert.equal(await getsIn(stranger, keys.stranger), false)
  assert.equal(await handshakes(), 0)
  assert.equal(daemon.output().slice(before), '', 'and nobody hears of it')
})

test('who is locked out, by a packet or by hand, gets in by the tunnel and by nothing else', async () => {
  await send(peer, { bursts: [[{ source: PEER, destination: GATE, tcp: 81 }]], wait: 0 })
  assert.ok((await lockoutsOf(daemon, 2)).includes(PEER))
  await eventually('by the tunnel', () => getsIn(peer, keys.peer))
  assert.equal(await handshakes(), 1)
  assert.equal(await reaches(peer, GATE), false, 'outside of the tunnel he is locked out as before')

  await flypaperd.must('lock', PEER, '192.0.2.8/30', '--for', '1d')
  await eventually('by hand, and as part of a prefix', () => getsIn(peer, keys.peer))
  const aside = await peer.run(['nc', '-u', '-w', '2', GATE, String(DOOR + 1)], { input: 'word\n' })
  assert.equal(aside.stdout, '', 'the control: another port')
  assert.match(await flypaperd.must('status'), new RegExp(`^still reachable.*udp/${DOOR}`, 'm'))

  flypaperd.settings('closed = "listening"\ndoors = false')
  await flypaperd.must('reload')
  assert.equal(await getsIn(peer, keys.peer), false, 'as the settings say, by nothing at all')
  await daemon.stop()
})
