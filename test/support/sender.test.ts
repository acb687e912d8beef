import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { type Outcome, send } from './sender.ts'
import { serve } from './server.ts'
import { makeWorld, type World } from './world.ts'

const GATE = { 4: '192.0.2.1', 6: '2001:db8:1::1' }

/** A gate with one open port of each kind, where strangers' packets come from behind the scanner. */
async function scene(world: World) {
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const b = ['192.0.2.9/24', '2001:db8:1::9/64']
  await world.link(gate, scanner, { a: [`${GATE[4]}/24`, `${GATE[6]}/64`], b })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  // The kernel answers one closed UDP port a second otherwise.
  await gate.sysctl('net/ipv4/icmp_ratelimit', 0)
  await gate.sysctl('net/ipv6/icmp/ratelimit', 0)
  // On a busy machine a SYN+ACK would be sent again before the counting is over, since nobody takes it.
  await gate.sysctl('net/ipv4/tcp_synack_retries', 0)
  await serve(gate, 'tcp:22', 'udp:53')
  return { gate, scanner }
}

function strangers(family: 4 | 6, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${family === 4 ? '198.18.0.' : '2001:db8:2::'}${i + 1}`)
}

/** `{ 'syn-ack 22': 100 }` */
function summary(outcome: Outcome): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind, detail, count } of outcome.answers) {
    counts[`${kind} ${detail}`] = (counts[`${kind} ${detail}`] ?? 0) + count
  }
  return counts
}

test('every answer to every stranger is counted, both families, all kinds', async () => {
  await using world = await makeWorld()
  const { scanner } = await scene(world)
  for (const family of [4, 6] as const) {
    const destination = GATE[family]
    const sources = strangers(family, 100)
    const echo = family === 4 ? 8 : 128
    const bursts = sources.map((source): Outgoing[] => [
      { source, destination, tcp: 81 },
      { source, destination, tcp: 22 },
      { source, destination, udp: 53, data: 'hello' },
      { source, destination, icmp: echo },
    ])
    const outcome = await send(scanner, { bursts })
    assert.equal(outcome.left, 400)
    assert.deepEqual(summary(outcome), {
      'rst 81': 100,
      'syn-ack 22': 100,
      'udp 53': 100,
      [`icmp ${family === 4 ? 0 : 129 * 256}`]: 100,
    })
    assert.deepEqual(new Set(outcome.answers.map(answer => answer.destination)), new Set(sources))
  }
})

test('closed UDP ports and unknown protocols are answered by ICMP', async () => {
  await using world = await makeWorld()
  const { scanner } = await scene(world)
  const ends = { source: '198.18.1.1', destination: GATE[4] }
  const outcome = await send(scanner, { bursts: [[{ ...ends, udp: 54 }], [{ ...ends, protocol: 200 }]] })
  assert.deepEqual(summary(outcome), { 'icmp 771': 1, 'icmp 770': 1 })
})

test('gaps are kept, as measured', async () => {
  await using world = await makeWorld()
  const { scanner } = await scene(world)
  for (const [n, gap] of [100, 1000].entries()) {
    const source = `198.18.2.${n}`
    const burst = Array.from({ length: 50 }, (_, i) => ({
      source,
      destination: GATE[4],
      tcp: 22,
      from: 40_000 + i,
    }))
    const outcome = await send(scanner, { gap, bursts: [burst] })
    assert.ok(outcome.gap >= gap && outcome.gap < 2 * gap, `gap ${gap}: ${outcome.gap}`)
    assert.deepEqual(summary(outcome), { 'syn-ack 22': 50 })
  }
})

test('a gate that drops one source answers the others only', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await scene(world)
  await gate.nft(`table inet t { chain c { type filter hook prerouting priority -450
    ip saddr 198.18.0.1 drop
  }
  }`)
  const bursts = strangers(4, 3).map(source => [{ source, destination: GATE[4], tcp: 22 }])
  const { answers } = await send(scanner, { bursts })
  assert.deepEqual(answers.map(answer => answer.destination).sort(), ['198.18.0.2', '198.18.0.3'])
})

test('packets that do not leave are told', async () => {
  await using world = await makeWorld()
  const { scanner } = await scene(world)
  const nowhere = [{ source: '198.18.0.1', destination: '192.0.2.77', tcp: 22 }]
  await assert.rejects(send(scanner, { bursts: [nowhere] }), /0 of 1 packets left/)
})
