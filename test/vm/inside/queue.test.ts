/** The nft statement `queue` on a kernel that has it: what happens without a listener, with a slow one, with a dead one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockedOut, lockouts, lockoutsOf } from '../../support/daemon.ts'
import type { Running } from '../../support/process.ts'
import { send } from '../../support/sender.ts'
import { serve } from '../../support/server.ts'
import { type Host, makeWorld } from '../../support/world.ts'

const GATE = '192.0.2.1'
/** Packets that wait while nobody reads. */
const WAITING = 1000

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner }
}

/** One packet from each of so many sources; what they were answered. */
async function offend(scanner: Host, plan: number, sources: number, ports: readonly number[] = [81]) {
  const bursts = Array.from({ length: Math.ceil(sources / 100) }, (_, burst) =>
    Array.from({ length: Math.min(100, sources - burst * 100) }, (_, i) =>
      ports.map(tcp => ({ source: `198.18.${plan + burst}.${i + 1}`, destination: GATE, tcp })),
    ).flat(),
  )
  return (await send(scanner, { bursts })).answers
}

/** The line of queue 4242 in /proc/net/netfilter/nfnetlink_queue (net/netfilter/nfnetlink_queue.c, seq_show). */
async function queue(gate: Host) {
  const line = /^ *4242 .*$/m.exec(await gate.must(['cat', '/proc/net/netfilter/nfnetlink_queue']))?.[0]
  const [, , waiting, , , full, lost, sequence] = (line ?? '').trim().split(/ +/).map(Number)
  return { waiting, full, lost, sequence }
}

async function pidOf(daemon: Running, flypaperd: ReturnType<typeof install>): Promise<number> {
  assert.deepEqual(lockouts(daemon), [])
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.pid
}

test('it is the queue: the statement, the counters, the status', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  assert.match(daemon.output(), /trap armed, listening by queue/)
  assert.match(
    await gate.must(['nft', 'list', 'chain', 'inet', 'filter', 'flypaper_offence']),
    /queue to 4242/,
  )
  assert.match(
    await flypaperd.must('status'),
    /kernel support: +OK \(queue\)[\s\S]*statement: +OK \(queues 4242 to \d+\)/,
  )
  assert.deepEqual(await offend(scanner, 0, 50, [81, 22]), [])
  assert.equal((await lockoutsOf(daemon, 50)).length, 50)
  const { waiting, full, lost, sequence } = await queue(gate)
  assert.deepEqual({ waiting, full, lost }, { waiting: 0, full: 0, lost: 0 })
  assert.equal(sequence, 50, 'the hold let one packet of each source through to the queue')
})

test('without a listener it drops, and the hold works', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  process.kill(await pidOf(daemon, flypaperd), 'SIGKILL')
  await daemon.ended
  assert.deepEqual(await offend(scanner, 0, 20, [81, 22]), [])
  const held = await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold'])
  assert.equal(held.match(/expires/g)?.length, 20)
})

test('a slow listener drops; what waited is judged when it wakes', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const pid = await pidOf(daemon, flypaperd)
  process.kill(pid, 'SIGSTOP')
  assert.deepEqual(await offend(scanner, 0, WAITING, [81]), [])
  assert.equal((await queue(gate)).waiting, WAITING)
  assert.deepEqual(await offend(scanner, 0, 20, [22]), [], 'held meanwhile')
  process.kill(pid, 'SIGCONT')
  assert.equal(await lockedOut(flypaperd, WAITING), WAITING)
  assert.equal((await queue(gate)).waiting, 0)
})

test('killed with packets waiting: none is let through, and the next daemons go on', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const first = await flypaperd.start()
  const pid = await pidOf(first, flypaperd)
  process.kill(pid, 'SIGSTOP')
  const answers = offend(scanner, 0, WAITING, [81])
  while (((await queue(gate)).waiting ?? 0) < WAITING);
  process.kill(pid, 'SIGKILL')
  await first.ended
  assert.deepEqual(await answers, [])
  const second = await flypaperd.start()
  assert.deepEqual(await offend(scanner, 50, 20, [81, 22]), [])
  assert.equal((await lockoutsOf(second, 20)).length, 20)
  const third = await flypaperd.start('restart')
  assert.equal((await second.ended).code, 0)
  assert.deepEqual(await offend(scanner, 60, 20, [81, 22]), [])
  assert.equal((await lockoutsOf(third, 20)).length, 20)
  assert.match(await flypaperd.must('status'), /statement: +OK \(queues 4242 to \d+\)/, 'nothing was lost')
})
