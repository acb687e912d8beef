/** Flowtables, which need a kernel that has them: what a fly has in one goes on, and doctor says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../../support/daemon.ts'
import { PATIENCE, type Running } from '../../support/process.ts'
import { speaker } from '../../support/server.ts'
import { type Host, makeWorld } from '../../support/world.ts'

/** Of a real clock. */
const QUIET_MS = 6000 / PATIENCE
const FLY = '192.0.2.9'
const BEHIND = '10.0.0.5'

/** Connections to port 80 are offloaded, those to port 81 are not. */
const RULES = `
table inet theirs {
  flowtable fast {
    hook ingress priority filter
    devices = { "to-outside", "to-behind" }
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    tcp dport 80 ct state established flow add @fast
  }
}`

/** It says a number, the next one every half second: the kernel takes out of a flowtable what is idle for half a minute. */
const TALKING = `let said = 0
const socket = require('node:net').connect(Number(process.argv[1]), '${BEHIND}')
socket.on('connect', () => setInterval(() => socket.write(++said + '\\n'), 500))
setInterval(() => console.log(said), 500)`

const talk = (from: Host, port: number) => from.start([process.execPath, '-e', TALKING, String(port)])

/** What it says from now on is heard. */
async function isHeard(talking: Running, hearing: Running, within = 10_000): Promise<boolean> {
  const last = Number(talking.output().trim().split('\n').at(-1))
  // What it had just said may still come.
  return await hearing.says(new RegExp(`^${last + 4}$`), within).then(
    () => true,
    () => false,
  )
}

test('what a fly has in a flowtable goes on until somebody ends it; nothing else of it does', async () => {
  await using world = await makeWorld()
  const [gate, outside, behind] = (await Promise.all(
    ['gate', 'outside', 'behind'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  await world.link(gate, outside, { a: ['192.0.2.1/24'], b: [`${FLY}/24`] })
  await world.link(gate, behind, { a: ['10.0.0.1/24'], b: [`${BEHIND}/24`] })
  await gate.forward()
  await gate.nft(RULES)
  await outside.route('10.0.0.0/24', '192.0.2.1')
  await behind.route('192.0.2.0/24', '10.0.0.1')
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
