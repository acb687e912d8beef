/** The main job by the shortest path: a real scanner in, a lockout in the real kernel out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

test('nmap finds the services, then the trap is armed, and it finds nothing', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await serve(gate, 'tcp:22', 'tcp:80', 'tcp:43974')
  using flypaperd = install(gate)
  const scan = () =>
    scanner.must(['nmap', '-n', '-Pn', '-r', '-sS', '-p', '21-100,43974', '--max-retries', '1', '192.0.2.1'])

  assert.match(await scan(), /22\/tcp +open[\s\S]*80\/tcp +open[\s\S]*43974\/tcp +open/)
  const daemon = await flypaperd.start()
  assert.doesNotMatch(await scan(), /open/)

  await daemon.says(/lockout 192\.0\.2\.9, who tried TCP-port 21, for 10m/)
  assert.deepEqual(lockouts(daemon), ['192.0.2.9'])
  assert.match(
    await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']),
    /192\.0\.2\.9 counter .*timeout 10m/,
  )
  assert.match(await flypaperd.must('list'), /^192\.0\.2\.9 .* TCP-port 21 /m)
  assert.equal(await flypaperd.must('free', '192.0.2.9'), 'Freed 192.0.2.9.\n')
  await scanner.must(['ping', '-c1', '-W2', '192.0.2.1'])

  assert.equal(await flypaperd.must('stop'), 'Stopping portscan protection: flypaperd.\n')
  assert.equal((await daemon.ended).code, 0)
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), '')
  assert.match(await scan(), /43974\/tcp +open/)
})

test('a port on which somebody listens on loopback alone is closed to everybody else', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  const local = await gate.start(['nc', '-l', '-k', '-v', '127.0.0.1', '5432'])
  await local.says(/Listening/)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await gate.must(['nc', '-z', '127.0.0.1', '5432'])
  await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 5432 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9, who tried TCP-port 5432/)
})
