/** Weak evidence, with the daemon: a burst by a known client, and a flood that hides nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const OPEN = [22, 80, 43974]
const SOURCES = 40
const FAMILIES = [
  { set: 'flypaper_known', gate: GATE, source: (i: number, j: number) => `198.18.${i}.${j + 1}` },
  {
    set: 'flypaper_known6',
    gate: GATE6,
    source: (i: number, j: number) => `2001:db8:2:${i}${(j + 16).toString(16)}::7`,
  },
]

/** How many SYNs to open ports were answered, when each source sends these in one burst. */
async function answered(scanner: Host, gate: string, sources: readonly string[], ports: readonly number[]) {
  const bursts = sources.map(source => ports.map(tcp => ({ source, destination: gate, tcp })))
  const { answers } = await send(scanner, { bursts })
  const synAcks = answers.filter(({ kind }) => kind === 'syn-ack')
  return new Set(synAcks.map(({ destination, detail }) => `${detail} ${destination}`)).size
}

test('a known client sends SYNs at wire speed: behind the third closed port no open one answers', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, ...OPEN.map(port => `tcp:${port}` as const))
  using flypaperd = install(gate, 'closed = "listening"')
  const sourcesOf = (source: (i: number, j: number) => string, i: number) =>
    Array.from({ length: SOURCES }, (_, j) => source(i, j))
  // Before the daemon is there, who takes out whom others put into the sets.
  await loadTrap(gate, '')
  for (const { set, source } of FAMILIES)
    for (const i of [1, 2])
      await put(gate, set, ...sourcesOf(source, i).map(one => one.replace(/::7$/, '::')))
  const daemon = await flypaperd.start()
  for (const { gate: to, source } of FAMILIES) {
    const sources = (i: number) => sourcesOf(source, i)
    const all = SOURCES * OPEN.length
    assert.equal(await answered(scanner, to, sources(1), [81, 82, 81, ...OPEN]), all, 'the control: two')
    assert.equal(await answered(scanner, to, sources(2), [81, 82, 83, ...OPEN]), 0)
  }
  const told = await lockoutsOf(daemon, SOURCES * FAMILIES.length)
  assert.equal(
    new Set(told).size,
    SOURCES * FAMILIES.length,
    'and the daemon locks out all of them, nobody else',
  )
})

test('a flood to one closed port hides no other, and alone proves nothing; and the next daemon counts anew', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, 'closed = "listening"')
  const [client, other] = ['198.18.9.1', '198.18.9.2']
  await loadTrap(gate, '')
  await put(gate, 'flypaper_known', client, other)
  const first = await flypaperd.start()
  const flood = (source: string) =>
    Array.from({ length: 150 }, (_, i) =>
      Array.from({ length: 100 }, (_, j) => ({
        source,
        destination: GATE,
        tcp: 81,
        from: 1024 + i * 100 + j,
      })),
    )
  const packets = (source: string, ...ports: number[]) => [
    ports.map(tcp => ({ source, destination: GATE, tcp })),
  ]
  await send(scanner, { bursts: flood(client), pause: 100 })
  assert.deepEqual([await listed(gate, 'flypaper_pending'), lockouts(first)], [[], []], 'the control')
  assert.equal(await answered(scanner, GATE, [client], [22]), 1)
  await send(scanner, {
    bursts: [...flood(client), ...packets(client, 82, 83), ...flood(client)],
    pause: 100,
  })
  assert.deepEqual(await lockoutsOf(first, 1), [client])

  // Who has tried two ports has tried none when another daemon begins: both count from the beginning.
  await send(scanner, { bursts: packets(other, 81, 82) })
  assert.equal((await listed(gate, 'flypaper_tried_known')).filter(one => one.startsWith(other)).length, 2)
  await first.stop('SIGKILL')
  const second = await flypaperd.start()
  assert.deepEqual(await listed(gate, 'flypaper_tried_known'), [])
  await send(scanner, { bursts: packets(other, 83, 84) })
  assert.deepEqual(lockouts(second), [])
  await send(scanner, { bursts: packets(other, 81) })
  assert.deepEqual(await lockoutsOf(second, 1), [other])
})
