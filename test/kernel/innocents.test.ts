/** Innocents that look like scanners: clients of a service that restarts, and those whose address is forged. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const RESOLVER = '192.0.2.53'
/** A host that the gate talks to, and one that it does not know. */
const USED = '192.0.2.80'
const STRANGER = '192.0.2.77'

async function gateAndOthers() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const others = await world.host('others')
  const addresses = ['192.0.2.9', RESOLVER, USED, STRANGER].map(address => `${address}/24`)
  await world.link(gate, others, { a: [`${GATE}/24`], b: addresses })
  return { world, gate, others }
}

test('a service is restarted while clients connect: none sticks, none is held', async () => {
  const { world, gate, others } = await gateAndOthers()
  await using _ = world
  await gate.route('198.18.0.0/16', '192.0.2.9')
  using flypaperd = install(gate)
  const clients = (round: number) =>
    Array.from({ length: 50 }, (_, i) => [{ source: `198.18.${round}.${i + 1}`, destination: GATE, tcp: 80 }])
  const answersTo = async (round: number) =>
    new Set((await send(others, { bursts: clients(round) })).answers.map(({ kind }) => kind))

  // One service is open when the trap is armed and is never used before it restarts; the other starts later.
  const service = await serve(gate, 'tcp:80')
  const daemon = await flypaperd.start()
  await service.stop('SIGKILL')
  assert.deepEqual(await answersTo(1), new Set(['rst']), 'as without us')
  const again = await serve(gate, 'tcp:80', 'tcp:8080')
  assert.deepEqual(await answersTo(1), new Set(['syn-ack']))
  const late = (tcp: number) => [{ source: '198.18.9.9', destination: GATE, tcp }]
  assert.equal((await send(others, { bursts: [late(8080)] })).answers[0]?.kind, 'syn-ack')
  await again.stop('SIGKILL')
  assert.equal((await send(others, { bursts: [late(8080)] })).answers.at(-1)?.kind, 'rst')

  assert.deepEqual(lockouts(daemon), [])
  assert.doesNotMatch(await held(gate), /elements/)
  await send(others, { bursts: [late(81)], wait: 0 })
  await daemon.says(/lockout 198\.18\.9\.9, who tried TCP-port 81/)
})

test('clients of a service that is down for a while are innocent, in both families; much later they are not', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const others = await world.host('others')
  await world.link(gate, others, {
    a: [`${GATE}/24`, '2001:db8:1::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  using flypaperd = install(gate, 'served = "8s"')
  const service = await serve(gate, 'tcp:80')
  const daemon = await flypaperd.start()
  const knock = async (host: number) => {
    const bursts = [
      [{ source: `198.18.0.${host}`, destination: GATE, tcp: 80 }],
      [{ source: `2001:db8:2:${host}::9`, destination: '2001:db8:1::1', tcp: 80 }],
    ]
    return (await send(others, { bursts })).answers.map(({ kind }) => kind)
  }

  assert.deepEqual(await knock(1), ['syn-ack', 'syn-ack'])
  await service.stop('SIGKILL')
  await sleep(3_000)
  assert.deepEqual(await knock(2), ['rst', 'rst'], 'as without us')
  await serve(gate, 'tcp:80').then(again => again.stop('SIGKILL'))
  assert.deepEqual(lockouts(daemon), [])

  await sleep(9_000)
  assert.deepEqual(await knock(3), [])
  assert.deepEqual(await lockoutsOf(daemon, 2), ['198.18.0.3', '2001:db8:2:3::/64'])
})

/** The issue is one forged packet a second for a minute; three a second are harder, and shorter. */
const FORGED = 60

test('forged packets from our resolver and from hosts that we use cut nobody off', async () => {
  const { world, gate, others } = await gateAndOthers()
  await using _ = world
  await serve(others, 'tcp:7000', 'tcp:53')
  using flypaperd = install(gate, '', { files: { '/etc/resolv.conf': `nameserver ${RESOLVER}\n` } })
  const daemon = await flypaperd.start()
  const connects = async (to: string, port: number) =>
    (await gate.run(['nc', '-z', '-w', '2', to, String(port)])).code === 0

  assert.ok(await connects(USED, 7000))
  for (let i = 0; i < FORGED; i++) {
    const bursts = [RESOLVER, USED].map(source => [{ source, destination: GATE, tcp: 81 }])
    await send(others, { bursts, wait: 0 })
    assert.ok(await connects(USED, 7000), `the host in use, after ${i + 1} forged packets`)
    assert.ok(await connects(RESOLVER, 53), `the resolver, after ${i + 1} forged packets`)
  }
  assert.deepEqual(lockouts(daemon), [])
  assert.doesNotMatch(await held(gate), /elements/)
  const { spared } = JSON.parse(await flypaperd.must('status', '--json')).daemon.counts
  assert.equal(spared.peer, FORGED)

  // The control: the same packet locks out a host that we do not use; but what we open to it ourselves is answered.
  assert.ok(await connects('192.0.2.9', 7000))
  await send(others, { bursts: [[{ source: STRANGER, destination: GATE, tcp: 81 }]], wait: 0 })
  await daemon.says(new RegExp(`lockout ${STRANGER},`))
  assert.deepEqual(lockouts(daemon), [STRANGER])
  assert.ok(await connects(STRANGER, 7000))
})

test('a host that we use sticks by three different closed ports, the resolver never', async () => {
  const { world, gate, others } = await gateAndOthers()
  await using _ = world
  await serve(others, 'tcp:7000')
  using flypaperd = install(gate, '', { files: { '/etc/resolv.conf': `nameserver ${RESOLVER}\n` } })
  const daemon = await flypaperd.start()
  for (const host of [USED, RESOLVER]) await gate.must(['nc', '-z', host, '7000'])

  const ports = [RESOLVER, USED].flatMap(source =>
    [81, 82, 81, 83].map(tcp => [{ source, destination: GATE, tcp }]),
  )
  await send(others, { bursts: ports, wait: 0 })
  await daemon.says(new RegExp(`lockout ${USED}, who tried TCP-port 83`))
  assert.deepEqual(lockouts(daemon), [USED])
  assert.equal(JSON.parse(await flypaperd.must('list', '--json'))[0].because, 'distinct-ports')
})

async function held(gate: Host): Promise<string> {
  return gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold'])
}
