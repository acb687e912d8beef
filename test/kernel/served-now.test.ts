/**
 * A service that the rules do not see, and that starts while the daemon runs: who listens is asked before a packet to a closed port becomes evidence.
 * Each time somebody else meets a closed port in the same world, and sticks.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveBy } from '../support/bound-server.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const FAMILIES = [
  { gate: GATE, host: (n: number) => `198.18.0.${n}`, named: (n: number) => `198.18.0.${n}`, six: '' },
  {
    gate: GATE6,
    host: (n: number) => `2001:db8:2:${n}::7`,
    named: (n: number) => `2001:db8:2:${n}::/64`,
    six: '6',
  },
] as const

for (const closed of ['listening', 'unaccepted'] as const)
  test(`${closed}: a service that only the list of sockets shows is learned by its first client, who is not held`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
    await gate.must(['ip', 'link', 'add', 'other', 'type', 'veth', 'peer', 'name', 'its-end'])
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    const tries = async (n: number, tcp: number) => {
      const bursts = FAMILIES.map(({ gate: destination, host }) => [{ source: host(n), destination, tcp }])
      await send(scanner, { bursts, wait: 0 })
    }
    // What the rules do not find: to them it is as in a VRF, whose interface is not the one that the socket is bound to.
    await serveBy(gate, 'other', 8080)
    await tries(1, 8080)
    await sleep(500)
    assert.deepEqual(lockouts(daemon), [])
    for (const { six } of FAMILIES) assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [])
    assert.ok((await listed(gate, 'flypaper_served')).includes('tcp . 8080'))
    await tries(2, 8080)
    await tries(3, 8081)
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), FAMILIES.map(({ named }) => named(3)).sort())
    const { stdout } = await flypaperd.run('why', '198.18.0.1')
    assert.match(stdout, /a service listens there/)
    const unknown = await flypaperd.run('why', '198.18.0.77')
    assert.equal(unknown.stdout, 'Nothing is known of 198.18.0.77: the trap drops nothing of it.\n')
  })

test('a service that opens while its first client waits to be judged: no evidence; whoever tried another port sticks', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  const daemon = await flypaperd.start()
  const pid = (await flypaperd.must('status', '--json')).match(/"pid":(\d+)/)![1]!
  await gate.must(['kill', '-STOP', pid])
  await send(scanner, {
    bursts: [
      [{ source: '198.18.0.1', destination: GATE, tcp: 8080 }],
      [{ source: '198.18.0.2', destination: GATE, tcp: 8081 }],
    ],
    wait: 0,
  })
  await serve(gate, 'tcp:8080')
  await gate.must(['kill', '-CONT', pid])
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.18.0.2'])
  await sleep(300)
  assert.deepEqual(lockouts(daemon).length, 1)
  const bursts = [[{ source: '198.18.0.1', destination: GATE, tcp: 8080 }]]
  assert.deepEqual(
    (await send(scanner, { bursts })).answers.map(({ kind }) => kind),
    ['syn-ack'],
  )
})
