/** Public ports stay reachable for whoever is held or a fly, unless a person has locked him out; nothing else does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { firewall, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { BEHIND, hosts } from '../support/silence.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const PUBLIC = 'public = ["tcp/80", "tcp/81", "udp/443"]'
const FAMILIES = [
  { six: '', gate: '192.0.2.1', fly: '192.0.2.8', nets: '192.0.2.8/30' },
  { six: '6', gate: '2001:db8:1::1', fly: '2001:db8:1::8', nets: '2001:db8:1::8/126' },
] as const

/** What the services say to somebody who sends a word from this address. */
async function heard(from: Host, source: string, to: string) {
  const said = async (port: number, ...options: string[]) =>
    (await from.run(['nc', '-w', '1', ...options, '-s', source, to, String(port)], { input: 'word\n' }))
      .stdout
  const [ssh, http, quic, dns] = await Promise.all([said(22), said(80), said(443, '-u'), said(53, '-u')])
  return { ssh: ssh.trim(), http: http.trim(), quic: quic.trim(), dns: dns.trim() }
}

const NOTHING = { ssh: '', http: '', quic: '', dns: '' }
const THE_PUBLIC = { ...NOTHING, http: 'port 80\r\nword', quic: 'word' }
const ALL = { ssh: 'port 22\r\nword', http: 'port 80\r\nword', quic: 'word', dns: 'word' }

/** The fly is not what the gate's gateways are: it has an address of its own. */
async function gateAndFly(world: Awaited<ReturnType<typeof makeWorld>>) {
  const { gate, scanner: fly } = await gateAndScanner(world, '2001:db8:2::/64')
  await fly.must(['ip', 'address', 'add', '192.0.2.8/24', 'dev', 'to-gate'])
  await fly.must(['ip', 'address', 'add', '2001:db8:1::8/64', 'dev', 'to-gate', 'nodad'])
  return { gate, fly }
}

for (const mode of ['listening', 'unmatched', 'unaccepted']) {
  test(`closed = "${mode}": who sticks reaches what is public, and nothing else`, async () => {
    await using world = await makeWorld()
    const { gate, fly } = await gateAndFly(world)
    if (mode === 'unmatched') await gate.nft(firewall('tcp dport { 22, 80 }', 'udp dport { 53, 443 }'))
    await loadTrap(gate, `closed = "${mode}"\n${PUBLIC}`)
    await put(gate, 'flypaper_single6', '2001:db8:1::/64')
    await serve(gate, 'tcp:22', 'tcp:80', 'udp:53', 'udp:443')
    for (const { six, gate: here, fly: source, nets } of FAMILIES) {
      const acquainted = async () => [
        ...(await listed(gate, `flypaper_known${six}`)),
        ...(await listed(gate, `flypaper_peers${six}`)),
      ]
      for (const set of ['flypaper', 'flypaper_hold']) {
        await put(gate, `${set}${six}`, source)
        assert.deepEqual(await heard(fly, source, here), THE_PUBLIC, `${set}${six}`)
        assert.deepEqual(await acquainted(), [], 'it is neither known by that, nor somebody whom we use')
        await put(gate, `flypaper_by_hand${six}`, source)
        assert.deepEqual(await heard(fly, source, here), NOTHING, `${set}${six}, by hand`)
        for (const one of [set, 'flypaper_by_hand']) await gate.nft(`flush set inet filter ${one}${six}`)
      }
      await put(gate, `flypaper_nets${six}`, nets)
      assert.deepEqual(await heard(fly, source, here), NOTHING, 'a prefix, which is always by hand')
      await gate.nft(`flush set inet filter flypaper_nets${six}`)
      assert.deepEqual(await heard(fly, source, here), ALL, 'freed, all is as before')
      assert.deepEqual(await acquainted(), [source], 'who is free becomes known')
    }
  })
}

test('forwarded and redirected: the port that strangers call counts', async () => {
  await using world = await makeWorld()
  const { gate, sender: fly, behind } = await hosts(world)
  await loadTrap(gate, `closed = "listening"\n${PUBLIC}`)
  await gate.nft(`table inet nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    tcp dport 80 dnat ip to ${BEHIND[0]}:8080
    tcp dport 80 dnat ip6 to [${BEHIND[1]}]:8080
    tcp dport 2222 dnat ip to ${BEHIND[0]}:81
  }
}`)
  await serve(behind, 'tcp:22', 'tcp:81', 'tcp:8080')
  await put(gate, 'flypaper', '192.0.2.9')
  await put(gate, 'flypaper6', '2001:db8:1::')
  const said = async (to: string, port: number) =>
    (await fly.run(['nc', '-w', '1', to, String(port)], { input: '' })).stdout.trim()
  for (const here of ['192.0.2.1', '2001:db8:1::1']) assert.equal(await said(here, 80), 'port 8080')
  for (const there of BEHIND) assert.equal(await said(there, 81), 'port 81', 'forwarded')
  for (const there of BEHIND) assert.equal(await said(there, 22), '')
  assert.equal(await said('192.0.2.1', 2222), '', 'what it becomes does not count')
})

test('with the daemon: locked by hand is locked; a closed public port is neither told nor counted again', async () => {
  await using world = await makeWorld()
  const { gate, fly } = await gateAndFly(world)
  await serve(gate, 'tcp:22', 'tcp:80', 'udp:53', 'udp:443')
  using flypaperd = install(gate, `${PUBLIC}\nhold = "1s"\nserved = "0s"\n`)
  let daemon = await flypaperd.start()
  const sources = FAMILIES.map(({ fly: source }) => source)
  const all = () => Promise.all(FAMILIES.map(it => heard(fly, it.fly, it.gate)))
  const tries = (port: number, count = 1) =>
    FAMILIES.flatMap(it =>
      Array.from({ length: count }, (_, i) => [
        { source: it.fly, destination: it.gate, tcp: port, from: 50_000 + i },
      ]),
    )
  await send(fly, { bursts: tries(9) })
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), [...sources].sort())
  const log = daemon.output().length
  const before = await flypaperd.must('list', '--json')
  const { answers } = await send(fly, { bursts: tries(81, 50), wait: 1500 })
  assert.deepEqual(answers, [], 'nobody serves it, and nothing tells so')
  assert.deepEqual(await all(), [THE_PUBLIC, THE_PUBLIC])
  assert.equal(daemon.output().slice(log), '')
  assert.equal(await flypaperd.must('list', '--json'), before)

  const REACHABLE = /^Still reachable: tcp\/80, tcp\/81, udp\/443 \(public\)$/m
  for (const source of sources) assert.match(await flypaperd.must('why', source), REACHABLE)
  await flypaperd.must('lock', ...sources, '--for', '1h')
  assert.deepEqual(await all(), [NOTHING, NOTHING])
  for (const source of sources) assert.doesNotMatch(await flypaperd.must('why', source), /reachable/)
  await flypaperd.must('reload')
  assert.deepEqual(await all(), [NOTHING, NOTHING], 'also after a reload')
  await daemon.stop()
  daemon = await flypaperd.start()
  assert.deepEqual(await all(), [NOTHING, NOTHING], 'and after a restart')
  await gate.nft('flush ruleset')
  await eventually(
    'the trap is armed again',
    async () => (await gate.run(['nft', 'list', 'chain', 'inet', 'filter', 'flypaper_early'])).code === 0,
  )
  await sleep(500)
  assert.deepEqual(await all(), [NOTHING, NOTHING], 'and after somebody has flushed the ruleset')
  await flypaperd.must('free', ...sources)
  assert.deepEqual(await all(), [ALL, ALL])
  for (const { six } of FAMILIES) assert.deepEqual(await listed(gate, `flypaper_by_hand${six}`), [])
  await eventually('both stick by a packet again', async () => {
    // What is left of his connections makes him known once more.
    await gate.nft('flush set inet filter flypaper_known; flush set inet filter flypaper_known6')
    await send(fly, { bursts: tries(9) })
    return lockouts(daemon).length === 2
  })
  assert.deepEqual(lockouts(daemon).sort(), [...sources].sort())
  assert.deepEqual(await all(), [THE_PUBLIC, THE_PUBLIC], 'by a packet again')
})

for (const mode of ['listening', 'unaccepted'])
  test(`closed = "${mode}": visitors whom somebody's page sends to a closed port keep what is public, strangers and known clients`, async () => {
    await using world = await makeWorld()
    const { gate, fly: visitors } = await gateAndFly(world)
    await serve(gate, 'tcp:22', 'tcp:80', 'udp:53', 'udp:443', 'tcp:2087')
    if (mode === 'unaccepted')
      await gate.nft(
        firewall(
          'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }',
          'tcp dport { 22, 80 }',
          'udp dport { 53, 443 }',
        ),
      )
    const KNOWN = ['192.0.2.7', '2001:db8:1::7'] as const
    for (const [i, address] of KNOWN.entries())
      await visitors.must([
        ...['ip', 'address', 'add', `${address}/${[24, 64][i]}`, 'dev', 'to-gate'],
        ...(i === 1 ? ['nodad'] : []),
      ])
    using flypaperd = install(gate, `closed = "${mode}"\npublic = ["tcp/80", "udp/443"]\nserved = "0s"`)
    const daemon = await flypaperd.start()
    for (const [i, { gate: here, fly: stranger }] of FAMILIES.entries()) {
      const known = KNOWN[i]!
      assert.deepEqual(await heard(visitors, known, here), ALL, 'a client of before')
      const page = async (source: string, ...pictures: number[]) => {
        const bursts = pictures.map(tcp => [{ source, destination: here, tcp }])
        assert.deepEqual((await send(visitors, { bursts })).answers, [])
      }
      await page(stranger, 2082)
      await page(known, 2082, 2083, 2086)
      await lockoutsOf(daemon, 2 * (i + 1))
      for (const source of [stranger, known]) {
        assert.deepEqual(
          await heard(visitors, source, here),
          THE_PUBLIC,
          `${source}, and the control: no more than that`,
        )
        // The same page again, with other pictures: who sticks already is not locked out for longer.
        await page(source, 2087, 2095)
        assert.deepEqual(await heard(visitors, source, here), THE_PUBLIC)
      }
      // The twin: a scanner by the same address is a person's business.
      await flypaperd.must('lock', stranger, '--for', '1h')
      assert.deepEqual(await heard(visitors, stranger, here), NOTHING)
    }
    assert.equal(lockouts(daemon).length, 4)
  })
