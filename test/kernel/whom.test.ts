/** Whom we use and know, by the rules alone: which packets of ours make a host one that we talk to, ask or know, and which do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

async function armed(toml = '') {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, 'tcp:22', 'udp:27015')
  await loadTrap(gate, toml)
  return { world, gate, scanner }
}

/** Hosts of both families by a number, and as what they are in the sets. */
const FAMILIES = [
  { gate: GATE, six: '', host: (n: number) => `198.18.0.${n}`, named: (n: number) => `198.18.0.${n}` },
  {
    gate: GATE6,
    six: '6',
    host: (n: number) => `2001:db8:2:${n}::7`,
    named: (n: number) => `2001:db8:2:${n}::`,
  },
] as const

interface Said {
  readonly to: number
  readonly udp: number
  readonly from: number
}

/** What the gate says by UDP, to hosts of both families. */
async function says(gate: Host, ...said: readonly Said[]): Promise<void> {
  const bursts = FAMILIES.map(({ gate: source, host }) =>
    said.map(({ to, ...ports }) => ({ source, destination: host(to), ...ports })),
  )
  await send(gate, { bursts, wait: 0 })
}

/** One SYN each to a closed port; who is shut out for it. */
async function tryClosed(_gate: Host, scanner: Host, ...hosts: readonly number[]): Promise<void> {
  const bursts = FAMILIES.map(({ gate: destination, host }) =>
    hosts.map(n => ({ source: host(n), destination, tcp: 81 })),
  )
  await send(scanner, { bursts, wait: 0 })
}

for (const closed of ['listening', 'unmatched', 'unaccepted'])
  test(`${closed}: a question makes a peer; what a service here says, later than conntrack remembers, does not`, async () => {
    const { world, gate } = await armed(`closed = "${closed}"`)
    await using _ = world
    await put(gate, 'flypaper_served', 'udp . 27015', 'udp . 123', 'udp . 40000')
    await says(
      gate,
      { to: 60, udp: 50_000, from: 27_015 },
      { to: 61, udp: 50_000, from: 27_016 },
      { to: 62, udp: 123, from: 123 },
      { to: 63, udp: 50_000, from: 40_000 },
      { to: 64, udp: 53, from: 27_015 },
    )
    for (const { six, named } of FAMILIES)
      assert.deepEqual(
        (await listed(gate, `flypaper_peers${six}`)).toSorted(),
        [
          named(61), // the control: nobody serves there
          named(62), // a time server, asked from the port on which we serve time
          named(63), // from a port from which anybody asks
          named(64), // the price: who asks from the port of a service is taken for one
        ].toSorted(),
      )
  })

test('questions that are not tracked count: slow name servers are not shut out; answers of ours do not', async () => {
  const { world, gate, scanner } = await armed()
  await using _ = world
  await gate.nft(`table inet theirs {
    chain prerouting { type filter hook prerouting priority raw; udp dport 53 notrack; udp sport 53 notrack; }
    chain output { type filter hook output priority raw; udp dport 53 notrack; udp sport 53 notrack; tcp dport 53 notrack; }
  }`)
  await put(gate, 'flypaper_served', 'udp . 53')
  await says(gate, ...[0, 1, 2, 3].map(i => ({ to: 53, udp: 53, from: 40_000 + i })), {
    to: 54,
    udp: 50_000,
    from: 53,
  })
  for (const { gate: source, host } of FAMILIES)
    await send(gate, {
      bursts: [
        [
          { source, destination: host(55), tcp: 53 },
          { source, destination: host(56), tcp: 53, flags: 0x10 },
        ],
      ],
      wait: 0,
    })
  for (const { six, named } of FAMILIES)
    assert.deepEqual(await listed(gate, `flypaper_peers${six}`), [named(53), named(55)])

  // Late answers of the one that was asked, and of one that was not.
  for (const { gate: destination, host } of FAMILIES) {
    const answers = (n: number) =>
      [0, 1, 2, 3].map(i => ({ source: host(n), destination, udp: 40_000 + i, from: 53 }))
    await send(scanner, { bursts: [answers(53), answers(57)], wait: 0 })
  }
  for (const { six, named } of FAMILIES) {
    assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [named(57)], 'and the control')
    assert.deepEqual(await listed(gate, `flypaper_pending${six}`), [])
  }
  const served = await listed(gate, 'flypaper_served')
  assert.deepEqual(served, ['udp . 53'], 'and a port from which we asked serves nobody')
})

test('whatever is asked of everybody, anybody may answer; and nothing else', async () => {
  const { world, gate, scanner } = await armed()
  await using _ = world
  await gate.route('224.0.0.0/4', '192.0.2.9')
  await gate.must(['sh', '-c', 'echo who | nc -u -b -p 4004 -w 1 192.0.2.255 8612'])
  await send(gate, {
    bursts: [
      [
        { source: GATE, destination: '239.255.1.1', udp: 427, from: 4003 },
        { source: GATE, destination: '198.18.0.70', udp: 427, from: 4007 },
      ],
      [{ source: GATE6, destination: 'ff05::1:3', udp: 47_808, from: 4006 }],
    ],
    wait: 0,
  })
  assert.deepEqual(await listed(gate, 'flypaper_asked'), ['4003', '4004', '4006'])
  for (const { gate: destination, host } of FAMILIES)
    await send(scanner, {
      bursts: [
        [4003, 4004, 4006, 4008].map((udp, i) => ({ source: host(71 + i), destination, udp, from: 8612 })),
      ],
      wait: 0,
    })
  for (const { six, named } of FAMILIES)
    assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [named(74)], 'the control alone')
})

test('where both sides have spoken by UDP, twice, one forged packet cuts nobody off: at once, in either direction', async () => {
  const { world, gate, scanner } = await armed()
  await using _ = world
  await serve(scanner, 'udp:7000')
  // Of two datagrams at once nothing is known; of three, in more than two seconds, it is. None of the senders has seen an answer.
  const bursts = (n: number) =>
    FAMILIES.map(({ gate: destination, host }) => ({
      source: host(n),
      destination,
      udp: 27_015,
      from: 5000 + n,
    }))
  await send(scanner, {
    bursts: [...bursts(80), ...bursts(81), ...bursts(81)].map(packet => [packet]),
    pause: 600_000,
  })
  await send(scanner, { bursts: [...bursts(80), ...bursts(80)].map(packet => [packet]), pause: 100_000 })
  await gate.must(['sh', '-c', '(for i in 1 2 3 4; do echo word; sleep 1; done) | nc -u -w 3 192.0.2.9 7000'])
  for (const { six, named } of FAMILIES) {
    const known = await listed(gate, `flypaper_known${six}`)
    assert.ok(known.includes(named(80)), `${named(80)} is known`)
    assert.ok(!known.includes(named(81)), 'the control')
  }
  assert.ok((await listed(gate, 'flypaper_known')).includes('192.0.2.9'), 'whom we have asked as well')

  await tryClosed(gate, scanner, 80, 81)
  for (const { six, named } of FAMILIES)
    assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [named(81)])

  // The twin: a scanner who is known for an open port of UDP has two tries.
  for (const { gate: destination, host } of FAMILIES)
    await send(scanner, {
      bursts: [[82, 83].map(tcp => ({ source: host(80), destination, tcp }))],
      wait: 0,
    })
  for (const { six, named } of FAMILIES)
    assert.deepEqual(await listed(gate, `flypaper_pending${six}`), [named(80)])
})
