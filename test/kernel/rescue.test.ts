/** What an administrator falls back on at night: broken settings, a group instead of root, a name that is taken, a pause. */
import assert from 'node:assert/strict'
import { chownSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, lockoutsOf, places } from '../support/daemon.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.51.100.1'
const [USER, GROUP, STRANGER] = [12_345, 12_346, 12_347]
const BROKEN = 'nevr = ["198.51.100.7"]'

const tries = async (scanner: Host, source: string, ...ports: number[]) => {
  const burst = ports.map(tcp => ({ source, destination: GATE, tcp }))
  return (await send(scanner, { bursts: [burst] })).answers.map(({ kind }) => kind)
}

test('with broken settings status, list, why, free and doctor work, and say one line about it; a restart does not end the daemon', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await tries(scanner, FLY, 81)
  assert.deepEqual(await lockoutsOf(daemon, 1), [FLY])

  flypaperd.settings(BROKEN)
  assert.equal((await flypaperd.run('check')).code, 78, 'the control: they are broken')
  const status = await flypaperd.run('status')
  assert.equal(status.code, 0)
  assert.match(status.stdout, /flypaper set: +OK \(1 fly\)/)
  assert.match((await flypaperd.run('why', FLY)).stderr, /mistake in the settings\n.*defaults/)
  assert.match((await flypaperd.run('doctor')).stdout, /Missing +The settings cannot be taken/)

  const restart = await flypaperd.run('restart')
  assert.equal(restart.code, 78)
  flypaperd.settings('chains.input = ["nowhere"]')
  const refused = await flypaperd.run('restart')
  assert.equal(refused.code, 78, 'settings that this machine refuses')
  assert.match(refused.stderr, /no such chain/)
  assert.match((await flypaperd.must('status')).toString(), new RegExp(`pid ${await pidOf(flypaperd)}`))

  flypaperd.settings(BROKEN)
  assert.equal((await flypaperd.run('free', FLY)).code, 0)
  await daemon.stop('SIGUSR2')
  assert.equal((await flypaperd.run('free', '198.51.100.9')).code, 0, 'without a daemon, too: nobody to free')
  assert.match((await flypaperd.run('status')).stdout, /integration into input: +OK/)
  assert.equal((await flypaperd.run('stop')).code, 0)
})

test('whoever is in the group of the socket sees status and frees, without any capability; others are told that they may not', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await tries(scanner, FLY, 81)
  assert.deepEqual(await lockoutsOf(daemon, 1), [FLY])
  chownSync(flypaperd.directory, USER, GROUP)
  chownSync(join(flypaperd.directory, 'control.sock'), 0, GROUP)
  const as = (group: number, ...args: string[]) =>
    gate.run([
      'setpriv',
      `--reuid=${USER}`,
      `--regid=${group}`,
      '--clear-groups',
      process.execPath,
      FLYPAPERD,
      ...args,
      ...places(flypaperd.directory, '/nowhere'),
    ])
  const status = await as(GROUP, 'status')
  assert.equal(status.code, 0, status.stderr)
  assert.equal(status.stdout.split('\n').filter(line => /: +OK/.test(line)).length, 6)
  assert.equal((await as(GROUP, 'free', FLY)).code, 0)
  assert.equal((await as(STRANGER, 'status')).code, 77, 'the control: not everybody')
})

test('a name of ours that is taken: start names it and leaves nothing behind', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate)
  for (const [taken, kind] of [
    ['chain inet filter flypaper_early { type filter hook input priority 0; }', 'chain flypaper_early'],
    ['chain inet filter flypaper_listening', 'chain flypaper_listening'],
    ['set inet filter flypaper { type ipv4_addr; flags interval; }', 'set flypaper'],
    ['set inet filter flypaper_hold6 { type ipv4_addr; flags timeout; }', 'set flypaper_hold6'],
  ]) {
    await gate.nft(`add table inet filter\nadd ${taken}`)
    const before = await gate.must(['nft', 'list', 'ruleset'])
    const { code, stderr } = await flypaperd.run('start')
    assert.equal(code, 69, taken)
    assert.match(stderr, new RegExp(`has a ${kind} already.*\n.*nft delete`), taken)
    assert.equal(await gate.must(['nft', 'list', 'ruleset']), before)
    await gate.nft('flush ruleset')
  }
  await flypaperd.start() // The control: without them it starts.
})

test('pause: nobody new is held or locked out, flies stay, it outlives a restart and a flush, and ends by itself', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  assert.deepEqual(await tries(scanner, FLY, 81, 22), [], 'the control')
  assert.deepEqual(await lockoutsOf(daemon, 1), [FLY])

  await flypaperd.must('pause', '1h')
  assert.match(await flypaperd.must('status'), /paused until .*nobody new is held/)
  assert.deepEqual(await tries(scanner, '198.51.100.2', 81, 22), ['rst', 'syn-ack'])
  assert.deepEqual(await tries(scanner, FLY, 22), [])
  await gate.nft('flush ruleset')
  await daemon.says(/armed again/)
  assert.deepEqual(await tries(scanner, '198.51.100.3', 81, 22), ['rst', 'syn-ack'])
  const next = await flypaperd.start('restart')
  assert.deepEqual(await tries(scanner, '198.51.100.4', 81, 22), ['rst', 'syn-ack'])
  assert.deepEqual(await tries(scanner, FLY, 22), [])

  await flypaperd.must('pause', '1s')
  await next.says(/the pause is over/)
  await sleep(1000)
  assert.deepEqual(await tries(scanner, '198.51.100.5', 81, 22), [])
  assert.deepEqual(await lockoutsOf(next, 1), ['198.51.100.5'])
})

test('whoever is connected when the trap is armed is a known client, not a host that we talk to', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  const server = await gate.start(['nc', '-l', '-p', '22'])
  await sleep(500)
  const session = await scanner.start(['nc', GATE, '22'])
  await sleep(500)
  using flypaperd = install(gate)
  await flypaperd.start()
  // What conntrack sees first of the session goes out from here, as if it had been opened here.
  server.write('are you still there?\n')
  await session.says(/still there/)
  const listed = (set: string) => gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
  assert.match(await listed('flypaper_known'), /192\.0\.2\.9/)
  assert.doesNotMatch(await listed('flypaper_peers'), /192\.0\.2\.9/)
  // The control: whom we call is a peer.
  await serve(scanner, 'tcp:23')
  await gate.run(['nc', '-z', '-w', '2', '192.0.2.9', '23'])
  assert.match(await listed('flypaper_peers'), /192\.0\.2\.9/)
  session.closeInput()
})

async function pidOf(flypaperd: Installation): Promise<number> {
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.pid
}
