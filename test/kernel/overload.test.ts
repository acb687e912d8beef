/** What could stop the daemon's reader: huge datagrams, garbage collections, more packets than fit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, lockoutsOf, type Options, QUEUE } from '../support/daemon.ts'
import { sendDatagrams } from '../support/datagrams.ts'
import { PATIENCE } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const LARGEST = 65_507
/** The reader of the npm package nfqueue stops for ever after 1,024 of them (docs/decisions/0003). */
const DATAGRAMS = 1500
/** What the queue (32,768) has no room for is lost. */
const TOO_MANY = 34_000
/** What the queue has room for, and nobody judges at once. */
const WAITING = 20_000

/** Collects all garbage all the time: whatever the reader holds too loosely goes. */
const COLLECTING = {
  NODE_OPTIONS: '--expose-gc --import=data:text/javascript,setInterval(gc,5).unref()',
}

async function gateAndScanner(settings: string, options: Options) {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner, flypaperd: install(gate, settings, options) }
}

/** Somebody new is still locked out, and still gets no answer. */
async function assertAlive(scanner: Host, flypaperd: Installation, before: number): Promise<void> {
  const source = '198.19.200.1'
  const packets = [81, 22].map(tcp => ({ source, destination: GATE, tcp }))
  assert.deepEqual((await send(scanner, { bursts: [packets] })).answers, [])
  assert.equal((await countsOf(flypaperd, before + 1)).lockouts, before + 1)
  assert.match(await flypaperd.must('list'), /^198\.19\.200\.1 .* TCP-port 81 /m)
}

/** The daemon's counts, once there are so many lockouts or nobody has patience any more. */
async function countsOf(flypaperd: Installation, lockouts: number) {
  for (const deadline = Date.now() + 20_000 * PATIENCE; ; await sleep(100)) {
    const { counts } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
    if (counts.lockouts >= lockouts || Date.now() > deadline) return counts
  }
}

/** Datagrams that the host put together from fragments (ReasmOKs, proc_net_snmp). */
async function reassembled(host: Host): Promise<number> {
  const lines = (await host.must(['cat', '/proc/net/snmp']))
    .split('\n')
    .filter(line => line.startsWith('Ip:'))
  const [names, values] = lines.map(line => line.split(' '))
  return Number(values![names!.indexOf('ReasmOKs')])
}

async function pidOf(flypaperd: Installation): Promise<number> {
  return JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.pid
}

/** Packets to a closed port, each from a source of its own. */
function burstOf(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    source: `198.${18 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`,
    destination: GATE,
    tcp: 81,
  }))
}

const WAYS = [
  { capture: 'log', options: {} },
  { capture: 'queue', options: QUEUE },
]

for (const { capture, options } of WAYS) {
  test(`a flood of fragmented 64 KB datagrams does not jam it: ${capture}`, async () => {
    const { world, gate, scanner, flypaperd } = await gateAndScanner(`capture = "${capture}"`, options)
    await using _world = world
    using _ = flypaperd
    await flypaperd.start()
    await sendDatagrams(scanner, {
      to: GATE,
      port: 9001,
      bytes: LARGEST,
      first: '198.18.0.0',
      count: DATAGRAMS,
    })
    assert.equal(await reassembled(gate), DATAGRAMS, 'they came in fragments')
    const { lockouts, packets, lost, overruns, spared } = await countsOf(flypaperd, DATAGRAMS)
    assert.deepEqual(
      { lockouts, packets, lost, overruns, unreadable: spared.unreadable },
      { lockouts: DATAGRAMS, packets: DATAGRAMS, lost: 0, overruns: 0, unreadable: 0 },
    )
    await assertAlive(scanner, flypaperd, DATAGRAMS)
  })

  test(`stopped while packets wait: they are counted, and said: ${capture}`, async t => {
    const { world, scanner, flypaperd } = await gateAndScanner(`capture = "${capture}"`, options)
    await using _world = world
    using _ = flypaperd
    const daemon = await flypaperd.start()
    const pid = await pidOf(flypaperd)
    process.kill(pid, 'SIGSTOP')
    await send(scanner, { bursts: [burstOf(WAITING)], gap: 10 })
    // Both are there when it goes on: it reads first.
    process.kill(pid, 'SIGTERM')
    process.kill(pid, 'SIGCONT')
    await daemon.says(/trap disarmed/)
    const [, waited = '0'] = /closed while (\d+) packets waited/.exec(daemon.output()) ?? []
    const listed = JSON.parse(await flypaperd.must('list', '--json')).length
    t.diagnostic(`${listed} locked out, ${waited} waited`)
    assert.ok(Number(waited) > 0, 'none waited: the test is none')
    assert.equal(listed + Number(waited), WAITING)
  })

  test(`garbage collections do not stop its reader: ${capture}`, async () => {
    const { world, scanner, flypaperd } = await gateAndScanner(`capture = "${capture}"`, {
      ...options,
      env: COLLECTING,
    })
    await using _world = world
    using _ = flypaperd
    const daemon = await flypaperd.start()
    for (let round = 1; round <= 5; round++) {
      const bursts = [[{ source: `198.18.0.${round}`, destination: GATE, tcp: 81 }]]
      await send(scanner, { bursts, wait: 0 })
      assert.equal((await lockoutsOf(daemon, round)).length, round)
    }
  })
}

test('more than the queue holds: dropped, counted, and the next one is judged', async t => {
  const { world, scanner, flypaperd } = await gateAndScanner('capture = "queue"', QUEUE)
  await using _world = world
  using _ = flypaperd
  const daemon = await flypaperd.start()
  const pid = await pidOf(flypaperd)
  process.kill(pid, 'SIGSTOP')
  await send(scanner, { bursts: [burstOf(TOO_MANY)], gap: 10 })
  process.kill(pid, 'SIGCONT')
  await daemon.says(/lockout/)
  // Whoever is lost is held by the kernel all the same; a packet that gets through tells of the gap before it.
  await assertAliveAfterLoss(scanner, flypaperd)
  const { packets, lost, overruns, lockouts } = await countsOf(flypaperd, 0)
  t.diagnostic(`${packets} packets, ${lost} lost, ${overruns} overruns`)
  assert.ok(lost > 0, 'nothing was lost: the test is none')
  assert.equal(packets + lost, TOO_MANY + 1)
  assert.equal(lockouts, packets)
})

async function assertAliveAfterLoss(scanner: Host, flypaperd: Installation): Promise<void> {
  const bursts = [[81, 22].map(tcp => ({ source: '198.19.200.1', destination: GATE, tcp }))]
  assert.deepEqual((await send(scanner, { bursts })).answers, [])
  for (const deadline = Date.now() + 20_000 * PATIENCE; Date.now() < deadline; await sleep(100))
    if (/^198\.19\.200\.1 /m.test(await flypaperd.must('list'))) return
  assert.fail('the next one was not locked out')
}
