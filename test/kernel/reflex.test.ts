/** What the kernel does by itself: it drops what flies and held sources send, and answers them nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve, speaker as startSpeaker } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: ['192.0.2.1/24', '2001:db8:1::1/64'], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  return { world, gate, scanner }
}

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'

/** Three kinds of flies: an address of IPv4, a host of the gate's own link, and somebody else's /64. */
const FLIES = [
  { fly: '192.0.2.9', source: '192.0.2.9', gate: GATE },
  { fly: '2001:db8:1::9', source: '2001:db8:1::9', gate: GATE6 },
  { fly: '2001:db8:2::/64', source: '2001:db8:2::9', gate: GATE6 },
] as const

for (const { who, settings } of [
  // So short that what counts is over: it is the set of flies that shuts out.
  { who: 'a fly', settings: 'hold = "1s"' },
  { who: 'a held source, with the daemon dead', settings: 'hold = "1m"' },
]) {
  test(`an open connection of ${who} falls silent in both directions`, async () => {
    const { world, gate, scanner } = await gateAndScanner()
    await using _ = world
    // Not by the scanner's first address: the gate's own gateways are spared.
    await scanner.must(['ip', 'address', 'add', '2001:db8:1::fe/64', 'dev', 'to-gate', 'nodad'])
    await scanner.must(['ip', 'address', 'add', '2001:db8:2::9/128', 'dev', 'lo', 'nodad'])
    await gate.route('2001:db8:2::/64', '2001:db8:1::fe')
    await serve(scanner, 'tcp:7000')
    await scanner.nft(SEEN)
    const speaker = await startSpeaker(gate, 2222)
    using flypaperd = install(gate, settings)
    const daemon = await flypaperd.start()
    const offences = FLIES.map(({ source, gate: destination }) => [{ source, destination, tcp: 81 }])
    const statuses = () =>
      Promise.all(
        FLIES.map(async ({ source, gate: to }) => {
          return (await scanner.run(['nc', '-z', '-w', '1', '-s', source, to, '2222'])).code
        }),
      )

    const connections = await Promise.all(
      FLIES.map(({ source, gate: to }) => scanner.start(['nc', '-s', source, to, '2222'])),
    )
    for (const [i, { source }] of FLIES.entries()) {
      connections[i]!.write(`before ${source}\n`)
      await speaker.says(new RegExp(`^before ${source}$`))
    }
    speaker.write('early\n')
    for (const connection of connections) await connection.says(/^early$/)
    assert.deepEqual(await statuses(), [0, 0, 0])

    if (who === 'a fly') {
      // A client that is known to have a connection has three tries.
      const tries = [81, 82, 83].flatMap(tcp => offences.map(([offence]) => [{ ...offence!, tcp }]))
      await send(scanner, { bursts: tries })
      assert.deepEqual(
        await lockoutsOf(daemon, FLIES.length),
        FLIES.map(({ fly }) => fly),
      )
      await becomesEmpty(gate, 'flypaper_hold')
      await becomesEmpty(gate, 'flypaper_hold6')
    } else {
      await killDaemon(flypaperd, daemon)
      // As if they had been silent for long: the kernel holds nobody whom it knows.
      await gate.nft('flush set inet filter flypaper_known; flush set inet filter flypaper_known6')
      await send(scanner, { bursts: offences })
    }
    for (const [i, { source }] of FLIES.entries()) connections[i]!.write(`after ${source}\n`)
    speaker.write('unasked\n')
    assert.deepEqual(await statuses(), [1, 1, 1], 'which took a second')
    assert.doesNotMatch(speaker.output(), /after/)
    for (const connection of connections) assert.doesNotMatch(connection.output(), /unasked/)

    if (who === 'a fly') {
      assert.deepEqual(await seen(scanner), [0, 0, 0])
      for (const { source } of FLIES)
        assert.equal((await gate.run(['nc', '-w', '1', source, '7000'])).stdout, 'port 7000\r\n')
      for (const count of await seen(scanner))
        assert.notEqual(count, 0, 'what we originate ourselves goes out, and is answered')
    }
    await flypaperd.must('free', ...FLIES.map(({ fly }) => fly))
    // They had not ended: both sides were only talking to nobody, and TCP tries again.
    for (const connection of connections) await connection.says(/^unasked$/)
    const heard = new Set<string>()
    while (heard.size < FLIES.length) heard.add((await speaker.says(/^after (.*)$/))[1]!)
    assert.deepEqual([...heard].sort(), FLIES.map(({ source }) => source).sort())
  })
}

test('with the daemon dead an offender is held, and his next packets get no answer', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await serve(gate, 'tcp:22')
  // As a gateway the scanner himself is spared: here only the sources that he forges matter.
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  using flypaperd = install(gate, 'hold = "5s"')
  const daemon = await flypaperd.start()
  await killDaemon(flypaperd, daemon)

  // Hosts of the gate's own link, which exist for its neighbour table alone.
  for (const host of ['7', '8']) {
    const address = `2001:db8:1::7${host}`
    await gate.must(['ip', 'neigh', 'replace', address, 'lladdr', await macOf(scanner), 'dev', 'to-scanner'])
  }
  for (const { offender, innocent, destination, set, element } of [
    {
      offender: '198.18.0.7',
      innocent: '198.18.0.8',
      destination: GATE,
      set: 'flypaper_hold',
      element: '198.18.0.7',
    },
    {
      offender: '2001:db8:2:5::7',
      innocent: '2001:db8:2:6::7',
      destination: GATE6,
      set: 'flypaper_hold6',
      element: '2001:db8:2:5::',
    },
    {
      offender: '2001:db8:1::77',
      innocent: '2001:db8:1::78',
      destination: GATE6,
      set: 'flypaper_hold6',
      element: '2001:db8:1::77',
    },
  ]) {
    const syn = (source: string, tcp: number) => ({ source, destination, tcp })
    const { answers } = await send(scanner, {
      bursts: [[syn(offender, 81), syn(offender, 22), syn(innocent, 22)]],
    })
    assert.deepEqual(
      answers.map(({ kind, destination }) => [kind, destination]),
      [['syn-ack', innocent]],
    )
    const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
    assert.match(listing, new RegExp(`[ {]${element.replaceAll('.', '\\.')} expires`))
  }
  assert.deepEqual(lockouts(daemon), [])
  assert.match(await flypaperd.must('list', '--held'), /^198\.18\.0\.7 +\ds$/m)

  // The hold ends by itself, as the kernel knows no reason to prolong it.
  await sleep(5500)
  const { answers } = await send(scanner, {
    bursts: [[{ source: '198.18.0.7', destination: GATE, tcp: 22 }]],
  })
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['syn-ack'],
  )
})

async function macOf(host: { must(command: readonly string[]): Promise<string> }): Promise<string> {
  return /link\/ether (\S+)/.exec(await host.must(['ip', 'link', 'show', 'to-gate']))![1]!
}

async function killDaemon(flypaperd: Installation, daemon: Running): Promise<void> {
  process.kill(JSON.parse(await flypaperd.must('status', '--json')).daemon.pid, 'SIGKILL')
  assert.equal((await daemon.ended).code, 128 + 9)
}

async function becomesEmpty(gate: Host, set: string): Promise<void> {
  const holds = async () => /expires/.test(await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]))
  await eventually(`${set} holds nobody`, async () => !(await holds()), 5_000)
}

/** SYNs to the scanner's port 7000, by destination in the order of FLIES. */
const SEEN = `table inet seen {
  chain input {
    type filter hook input priority 0
    tcp dport 7000 ip daddr 192.0.2.9 counter
    tcp dport 7000 ip6 daddr 2001:db8:1::9 counter
    tcp dport 7000 ip6 daddr 2001:db8:2::9 counter
  }
}`

async function seen(scanner: Host): Promise<number[]> {
  const listing = await scanner.must(['nft', 'list', 'table', 'inet', 'seen'])
  return [...listing.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets))
}
