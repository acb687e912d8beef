/**
 * UDP from the port of a service, to a port from which nobody here has asked, looks like a late answer. Whom we asked is believed for what we
 * asked, and for nothing else: a scanner who sends from port 53, as a stranger, a host that we talk to or a known client, has a few tries a day.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Hosts of both families by a number, as they are in the sets, and as flies. */
const FAMILIES = [
  { gate: GATE, six: '', host: (n: number) => `198.18.0.${n}`, fly: (n: number) => `198.18.0.${n}` },
  {
    gate: GATE6,
    six: '6',
    host: (n: number) => `2001:db8:2:${n}::7`,
    fly: (n: number) => `2001:db8:2:${n}::/64`,
  },
] as const
const fliesOf = (...hosts: readonly number[]) => FAMILIES.flatMap(({ fly }) => hosts.map(fly)).toSorted()
const elementOf = (fly: string) => fly.replace('/64', '')

interface Datagram {
  readonly udp: number
  readonly from: number
}

/** The gate asks these hosts, from each of these ports. */
async function asks(gate: Host, hosts: readonly number[], ports: readonly number[]): Promise<void> {
  const bursts = FAMILIES.map(({ gate: source, host }) =>
    hosts.flatMap(n => ports.map(from => ({ source, destination: host(n), udp: 53, from }))),
  )
  await send(gate, { bursts, wait: 0 })
}

/** Each of these hosts sends all this to the gate; who got an answer. */
async function sends(scanner: Host, ...said: readonly (readonly [host: number, ...Datagram[]])[]) {
  const bursts = FAMILIES.flatMap(({ gate: destination, host }) =>
    said.map(([n, ...datagrams]) =>
      datagrams.map(datagram => ({ source: host(n), destination, data: 'hello', ...datagram })),
    ),
  )
  const { answers } = await send(scanner, { bursts })
  return answers.map(({ destination }) => destination).toSorted()
}

const from53 = (...ports: readonly number[]) => ports.map(udp => ({ udp, from: 53 }))

test('slowness does not pay: four ports a day from port 53, whoever sends; what was asked is free', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  const [STRANGER, PEER, KNOWN, ASKED, LATE] = [1, 2, 3, 4, 5]
  using flypaperd = install(
    gate,
    `capture = "log"
peers = "10s"
[evidence]
stranger = { window = "2s", fade = "2s" }
peer = { window = "2s" }
known = { window = "2s" }`,
  )
  await serve(gate, 'tcp:22')
  const daemon = await flypaperd.start()
  assert.deepEqual(
    await listed(gate, 'flypaper_forgotten'),
    ['ipv4', 'ipv6'],
    'what was asked before is not known',
  )
  await eventually(
    'that is over',
    async () => (await listed(gate, 'flypaper_forgotten')).length === 0,
    15_000,
  )
  const ports = [2001, 2002, 2003, 2004, 2005]
  const services = [123, 161, 389, 500, 853]
  for (const { gate: to, host } of FAMILIES) {
    await scanner.must(['ip', 'address', 'add', host(KNOWN), 'dev', 'lo'])
    const greeting = await scanner.run(['nc', '-N', '-w', GREETING_S, '-s', host(KNOWN), to, '22'], {
      input: 'x\n',
    })
    assert.match(greeting.stdout, /port 22/)
  }
  for (const [i, port] of ports.entries()) {
    assert.deepEqual(lockouts(daemon), [], `before port ${port}`)
    await asks(gate, [PEER], [40_000])
    await asks(gate, [ASKED], [port])
    await sends(scanner, ...[STRANGER, PEER, KNOWN, ASKED].map(n => [n, ...from53(port)] as const), [
      LATE,
      { udp: services[i]!, from: 40_000 },
    ])
    await sleep(2500)
  }
  const stuck = await lockoutsOf(daemon, 6)
  assert.deepEqual(stuck.toSorted(), fliesOf(STRANGER, PEER, KNOWN), 'and not the controls')
})

for (const closed of ['listening', 'unmatched', 'unaccepted'])
  test(`${closed}: a host that we have asked is believed for what it was asked: the third other port ends it`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
    await serve(gate, 'udp:27015')
    if (closed === 'unmatched')
      await gate.nft(`table inet filter {
      chain flypaper_input { }
      chain input { type filter hook input priority filter; udp dport 27015 accept; jump flypaper_input; }
    }`)
    await loadTrap(gate, `closed = "${closed}"`)
    const asked = Array.from({ length: 50 }, (_, i) => 2000 + i)
    await asks(gate, [11, 12, 13], asked)
    const open = from53(27_015)
    await sends(scanner, [11, ...from53(...asked)], [12, ...from53(1999)], [13, ...from53(1997, 1998, 1999)])
    assert.deepEqual(
      await sends(scanner, [11, ...open], [12, ...open], [13, ...open]),
      FAMILIES.flatMap(({ host }) => [host(11), host(12)]).toSorted(),
    )
    for (const { six, fly } of FAMILIES) {
      assert.deepEqual(await listed(gate, `flypaper_pending${six}`), [elementOf(fly(13))])
      assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [])
    }
  })

test('while not all questions can be remembered, whom we talk to is believed for every port; strangers are not', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await loadTrap(gate, '')
  const others = Array.from({ length: 65_536 }, (_, port) => `53 . ${port}`)
  await put(gate, 'flypaper_questions', ...others.map(question => `198.19.0.1 . ${question}`))
  await put(gate, 'flypaper_questions6', ...others.map(question => `2001:db8:3::1 . ${question}`))
  assert.deepEqual(await listed(gate, 'flypaper_forgotten'), [], 'the control')
  await asks(gate, [21], [40_000])
  assert.deepEqual(await listed(gate, 'flypaper_forgotten'), ['ipv4', 'ipv6'])
  const answers = from53(40_000, 40_001, 40_002, 40_003, 40_004)
  await sends(scanner, [21, ...answers], [22, ...answers])
  for (const { six, fly } of FAMILIES) {
    assert.deepEqual(await listed(gate, `flypaper_pending${six}`), [])
    assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [elementOf(fly(22))])
  }
})
