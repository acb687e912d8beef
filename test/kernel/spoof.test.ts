/** Whoever forges sources: he gets many held for a moment, few locked out, and nobody cut off that matters to us. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { IN_VM, type Installation, install, lockouts } from '../support/daemon.ts'
import { PATIENCE, type Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const SOURCES = IN_VM ? 2000 : 50_000
const PER_SECOND = 10
const BURST = 500

test(`${SOURCES} forged sources: few are locked out, the log says so, and a client is served throughout`, async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const forger = await world.host('forger')
  const client = await world.host('client')
  await world.link(gate, forger, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await world.link(gate, client, { a: ['198.51.100.1/24'], b: ['198.51.100.7/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  using flypaperd = install(
    gate,
    `hold = "2s"\n[promotion]\nper_second = ${PER_SECOND}\nburst = ${BURST}\n[sizes]\nhold = 131072`,
  )
  const daemon = await flypaperd.start()
  const began = Date.now()
  const packets = Array.from({ length: SOURCES }, (_, i) => ({
    source: `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
    destination: GATE,
    tcp: 81,
  }))
  const flood = send(forger, { bursts: [packets], gap: 50 })
  let served = 0
  const isOver = flood.then(() => true)
  while (!(await Promise.race([isOver, sleep(100, false)]))) {
    const { stdout } = await client.run(['nc', '-N', '-w', GREETING_S, '198.51.100.1', '22'], {
      input: 'still there\n',
    })
    assert.match(stdout, /still there/)
    served++
  }
  assert.ok(served > 0)
  const { deferred, promoted } = await settled(flypaperd, SOURCES)
  const seconds = (Date.now() - began) / 1000
  t.diagnostic(`${promoted} locked out, ${deferred} held only, the client was served ${served} times`)
  assert.equal(promoted + deferred, SOURCES)
  assert.ok(promoted >= BURST / 2 && promoted <= BURST + PER_SECOND * (seconds + 1), `${promoted}`)
  assert.match(daemon.output(), /promotion limit: \d+ sources? more held only, not locked out/)
  assert.match(await flypaperd.must('status'), new RegExp(`promotion limit: ${deferred} sources held only`))

  // A real scanner comes again: it goes first, however many others there were.
  const last = packets.at(-1)!.source
  assert.ok(!lockouts(daemon).includes(last))
  await sleep(2500)
  await send(forger, { bursts: [[{ source: last, destination: GATE, tcp: 82 }]], wait: 0 })
  await daemon.says(new RegExp(`lockout ${last.replaceAll('.', '\\.')}, who tried TCP-port 82`))
})

/** Rounds in which each of them is forged once; a minute of one a second, and faster. */
const ROUNDS = 60

test('forged packets from a known client, a host that a forwarded client uses, and ourselves cut nobody off', async () => {
  await using world = await makeWorld()
  const [gate, outside, inside] = (await Promise.all(
    ['gate', 'outside', 'inside'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  const [client, used, gateway, stranger] = ['192.0.2.7', '192.0.2.8', '192.0.2.254', '192.0.2.66']
  await world.link(gate, outside, {
    a: [`${GATE}/24`],
    b: [client, used, gateway, stranger].map(address => `${address}/24`),
  })
  await world.link(gate, inside, { a: ['10.0.0.1/24'], b: ['10.0.0.5/24'] })
  await gate.forward()
  await gate.route('0.0.0.0/0', gateway)
  await inside.route('0.0.0.0/0', '10.0.0.1')
  await outside.route('10.0.0.0/24', GATE)
  await serve(gate, 'tcp:22')
  await serve(outside, 'tcp:7000')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()

  // The administrator's session is idle: the client is known because it has spoken once.
  const session = await outside.start(['nc', '-s', client, GATE, '22'])
  await session.says(/port 22/)
  const connects = async (from: Host, args: readonly string[]) =>
    (await from.run(['nc', '-N', '-w', GREETING_S, ...args], { input: 'x\n' })).stdout.includes('port')
  assert.ok(await connects(inside, [used, '7000']))
  for (let round = 1; round <= ROUNDS; round++) {
    const forged = [client, used, gateway, GATE].map(source => ({ source, destination: GATE, tcp: 81 }))
    await send(outside, { bursts: forged.map(packet => [packet]), pause: 0, wait: 0 })
    if (round % 10 !== 0) continue
    assert.ok(await connects(outside, ['-s', client, GATE, '22']), `the known client, after ${round}`)
    assert.ok(
      await connects(inside, [used, '7000']),
      `the host that the forwarded client uses, after ${round}`,
    )
    assert.ok(await connects(gate, [gateway, '7000']), `the gateway, after ${round}`)
    await session.write(`round ${round}\n`)
    await session.says(new RegExp(`^round ${round}$`))
  }
  assert.deepEqual(lockouts(daemon), [])
  assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold']), /elements/)
  const { counts } = JSON.parse(await flypaperd.must('status', '--json')).daemon
  assert.equal(counts.spared.known, ROUNDS)
  assert.equal(counts.spared.peer, ROUNDS)
  assert.equal(counts.kernel.near, ROUNDS)

  // The control: the same packet cuts off somebody who is nobody to us.
  assert.ok(await connects(outside, ['-s', stranger, GATE, '22']), 'he is known now')
  await gate.nft('flush set inet filter flypaper_known')
  await send(outside, { bursts: [[{ source: stranger, destination: GATE, tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.66,/)
  assert.equal(await connects(outside, ['-s', stranger, GATE, '22']), false)
})

test('a known client that scans sticks by three different closed ports', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const greeting = await scanner.run(['nc', '-N', '-w', GREETING_S, GATE, '22'], { input: 'x\n' })
  assert.match(greeting.stdout, /port 22/)
  const syn = (tcp: number) => [{ source: '192.0.2.9', destination: GATE, tcp }]
  await send(scanner, { bursts: [81, 82, 81].map(syn) })
  assert.deepEqual(lockouts(daemon), [])
  await send(scanner, { bursts: [syn(83)], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9, who tried TCP-port 83/)
  assert.equal(JSON.parse(await flypaperd.must('list', '--json'))[0].because, 'distinct-ports')
})

test('each further port makes it longer, not each further time; also when the daemon was restarted between', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  using flypaperd = install(
    gate,
    'hold = "1s"\n[lockout]\nfirst = "1s"\nseveral = "3s"\nmany = "8s"\nmany_ports = 3',
  )
  const offend = async (daemon: Running, tcp: number, words: RegExp) => {
    await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: GATE, tcp }]], wait: 0 })
    await daemon.says(words)
  }
  const first = await flypaperd.start()
  await offend(first, 81, /lockout 192\.0\.2\.9, who tried TCP-port 81, for 1s$/)
  await sleep(2200)
  await offend(first, 81, /lockout 192\.0\.2\.9, who tried TCP-port 81, for 1s, the 2nd time$/)
  await sleep(2200)
  await offend(first, 82, /lockout 192\.0\.2\.9, who tried TCP-port 82, for 3s, the 3rd time$/)
  await flypaperd.must('stop')
  await first.ended
  await sleep(4200)
  const second = await flypaperd.start()
  await offend(second, 83, /lockout 192\.0\.2\.9, who tried TCP-port 83, for 8s, the 4th time$/)
})

test('whom we used and who was our client is known again after a stop and a start', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const others = await world.host('others')
  const [client, used, stranger] = ['192.0.2.7', '192.0.2.8', '192.0.2.66']
  await world.link(gate, others, { a: [`${GATE}/24`], b: [client, used, stranger].map(host => `${host}/24`) })
  await serve(gate, 'tcp:22')
  await serve(others, 'tcp:7000')
  using flypaperd = install(gate)
  const first = await flypaperd.start()
  for (const [host, args] of [
    [others, ['-s', client, GATE, '22']],
    [gate, [used, '7000']],
  ] as const)
    assert.match((await host.run(['nc', '-N', '-w', GREETING_S, ...args], { input: 'x\n' })).stdout, /port/)
  await flypaperd.must('stop')
  await first.ended
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), '', 'nothing of it is left in the kernel')
  const daemon = await flypaperd.start()
  const forged = [client, used, stranger].map(source => [{ source, destination: GATE, tcp: 81 }])
  await send(others, { bursts: forged, wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.66,/)
  assert.deepEqual(lockouts(daemon), [stranger])
})

/** Lockouts and deferred sources, once there are as many as wanted. */
async function settled(flypaperd: Installation, wanted: number) {
  const deadline = Date.now() + 60_000 * PATIENCE
  for (;;) {
    const { counts } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
    if (counts.lockouts + counts.deferred >= wanted || Date.now() > deadline)
      return { promoted: counts.lockouts as number, deferred: counts.deferred as number }
    await sleep(100)
  }
}
