/** Flowtables, which need a kernel that has them: what a fly has in one goes on, and doctor says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../../support/daemon.ts'
import { PATIENCE, type Running } from '../../support/process.ts'
import { speaker } from '../../support/server.ts'
import { type Host, makeWorld, type World } from '../../support/world.ts'

/** Of a real clock. */
const QUIET_MS = 6000 / PATIENCE
const FLY = '192.0.2.9'
const BEHIND = '10.0.0.5'
/** Others outside: a server that is called from behind, and somebody who is no fly. */
const CALLED = '192.0.2.10'
const CLIENT = '192.0.2.11'

/** Connections to the ports 80 and 82 are offloaded, those to port 81 are not. */
const RULES = `
table inet theirs {
  flowtable fast {
    hook ingress priority filter
    devices = { "to-outside", "to-behind" }
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    tcp dport { 80, 82 } ct state established flow add @fast
  }
}`

/** It says a number, the next one every half second: the kernel takes out of a flowtable what is idle for half a minute. */
const TALKING = `let said = 0
const socket = require('node:net').connect({ port: Number(process.argv[1]), host: process.argv[2], localAddress: process.argv[3] })
socket.on('connect', () => setInterval(() => socket.write(++said + '\\n'), 500))
setInterval(() => console.log(said), 500)`

const talk = (from: Host, port: number, to = BEHIND, as = FLY) =>
  from.start([process.execPath, '-e', TALKING, String(port), to, as])

/** What it says from now on is heard. */
async function isHeard(talking: Running, hearing: Running, within = 10_000): Promise<boolean> {
  const last = Number(talking.output().trim().split('\n').at(-1))
  // What it had just said may still come.
  return await hearing.says(new RegExp(`^${last + 4}$`), within).then(
    () => true,
    () => false,
  )
}

async function gateOutsideBehind(world: World) {
  const [gate, outside, behind] = (await Promise.all(
    ['gate', 'outside', 'behind'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  await world.link(gate, outside, { a: ['192.0.2.1/24'], b: [FLY, CALLED, CLIENT].map(it => `${it}/24`) })
  await world.link(gate, behind, { a: ['10.0.0.1/24'], b: [`${BEHIND}/24`] })
  await gate.forward()
  await gate.nft(RULES)
  await outside.route('10.0.0.0/24', '192.0.2.1')
  await behind.route('192.0.2.0/24', '10.0.0.1')
  return { gate, outside, behind }
}

test('what a fly has in a flowtable goes on until somebody ends it; nothing else of it does', async () => {
  await using world = await makeWorld()
  const { gate, outside, behind } = await gateOutsideBehind(world)
  const [fast, slow] = [await speaker(behind, 80), await speaker(behind, 81)]
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  const daemon = await flypaperd.start()
  assert.match(
    await flypaperd.must('doctor'),
    /inet theirs forward puts forwarded connections into a flowtable/,
  )

  const [onFast, onSlow] = [await talk(outside, 80), await talk(outside, 81)]
  assert.deepEqual([await isHeard(onFast, fast), await isHeard(onSlow, slow)], [true, true])
  await flypaperd.must('lock', FLY, '--for', '1d')
  assert.ok(await isHeard(onFast, fast), 'the kernel takes it past the rules')
  assert.ok(!(await isHeard(onSlow, slow, QUIET_MS)), 'the control: without a flowtable it ends')
  assert.notEqual(
    (await outside.run(['nc', '-z', '-w', '2', BEHIND, '80'])).code,
    0,
    'nor does anything new begin',
  )

  await gate.must(['conntrack', '-D', '-s', FLY])
  assert.ok(!(await isHeard(onFast, fast, QUIET_MS)), 'as doctor advises')
  await daemon.stop()
})

test('with ingress it ends with the lockout; what somebody else has there, and what was opened from behind, goes on', async () => {
  await using world = await makeWorld()
  const { gate, outside, behind } = await gateOutsideBehind(world)
  const [theirs, served, called] = [
    await speaker(behind, 80),
    await speaker(behind, 82),
    await speaker(outside, 80),
  ]
  using flypaperd = install(
    gate,
    'closed = "listening"\ncapture = "log"\ningress = ["to-outside", "to-behind", "ppp0"]',
  )
  const daemon = await flypaperd.start()
  assert.match(
    await flypaperd.must('doctor'),
    /what a source has there ends with its lockout, at ingress of to-(outside, to-behind|behind, to-outside)/,
  )
  const [fly, client, ours] = [
    await talk(outside, 80, BEHIND, FLY),
    await talk(outside, 82, BEHIND, CLIENT),
    await talk(behind, 80, CALLED, BEHIND),
  ]
  const go = async () => [await isHeard(client, served), await isHeard(ours, called)]
  assert.deepEqual([await isHeard(fly, theirs), ...(await go())], [true, true, true])
  for (const who of [FLY, CALLED]) await flypaperd.must('lock', who, '--for', '1d')
  assert.ok(!(await isHeard(fly, theirs, QUIET_MS)), 'in a flowtable or not')
  for (let i = 0; i < 2; i++) assert.deepEqual(await go(), [true, true], 'a client, and a flow of ours')
  assert.match(await flypaperd.must('why', FLY), /of its packets were dropped/, 'and is counted')
  await daemon.stop()
})
