/**
 * Which port is excusable: services that are down, sisters of ports that are served, and what honest hosts ask unasked. Beside each an
 * offender in the same world, and the same turned round by a scanner or a local user.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carries } from '../../src/prove/packets.ts'
import { type Installation, install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { firewall, GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { BEHIND, hosts } from '../support/silence.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

/** Of both families, behind the scanner, who is a gateway here and never judged. */
const BOTH = (i: number) => [`198.18.0.${i}`, `2001:db8:2:${i}::9`]
const flyOf = (source: string) => source.replace(/::9$/, '::/64')
const FLIES = (i: number) => BOTH(i).map(flyOf)

async function world4and6(world: World) {
  return await gateAndScanner(world, '198.18.0.0/15', '2001:db8:2::/48')
}

/** From each of the sources one packet after the other; the kinds of the answers that came to any of them. */
async function knock(scanner: Host, sources: readonly string[], ...carried: readonly Carries[]) {
  const bursts = carried.flatMap(carries =>
    sources.map(source => [{ source, destination: source.includes(':') ? GATE6 : GATE, ...carries }]),
  )
  return (await send(scanner, { bursts, pause: 50_000, wait: 600 })).answers.map(({ kind }) => kind)
}

/** What the set holds: ports, and the seconds that each has left, if it goes by itself. */
async function excused(gate: Host): Promise<ReadonlyMap<string, number | undefined>> {
  const text = await gate.must(['nft', '-n', 'list', 'set', 'inet', 'filter', 'flypaper_excusable'])
  const found = text.matchAll(/(tcp|udp|6|17) \. (\d+)(?: timeout \S+)?(?: expires (\S+?))?[ ,\n]/g)
  const protocols: Record<string, string> = { 6: 'tcp', 17: 'udp' }
  return new Map(
    [...found].map(([, protocol, port, expires]) => [
      `${protocols[protocol!] ?? protocol}/${port}`,
      expires === undefined ? undefined : secondsOf(expires),
    ]),
  )
}

function secondsOf(text: string): number {
  const units: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 }
  return [...text.matchAll(/(\d+)(ms|[dhms])/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * units[unit!]!,
    0,
  )
}

let addresses = 10
/** An address that comes is a reason to look at this machine again. */
async function look(gate: Host): Promise<void> {
  const address = `192.0.2.${addresses++}`
  await gate.must(['ip', 'address', 'add', `${address}/24`, 'dev', 'to-scanner'])
  await eventually(`the look after ${address}`, async () =>
    (await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_own'])).includes(address),
  )
  await sleep(500) // A look writes the addresses first.
}

async function evidenceOf(flypaperd: Installation, source: string): Promise<string> {
  return (await flypaperd.run('why', source)).stdout.replace(/\s+/g, ' ')
}

async function killed(flypaperd: Installation, daemon: Running) {
  const { pid } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
  process.kill(pid, 'SIGKILL')
  await daemon.ended
}

test('a service that is down is excusable for as long as it was seen open, no longer; never one of the ports of everybody', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await world4and6(world)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"\nserved = "2s"')
  const service = await serve(gate, 'tcp:8081', 'udp:8082', 'tcp:40000')
  const daemon = await flypaperd.start()
  await sleep(12_000)
  await look(gate)
  await service.stop('SIGKILL')
  const down = Date.now()
  await sleep(3_000)

  // Each of them twice: a port counts once.
  assert.deepEqual(await knock(scanner, BOTH(1), { tcp: 8081 }, { udp: 8082 }, { tcp: 8081 }), [])
  await eventually('what counts', async () =>
    (await evidenceOf(flypaperd, BOTH(1)[0]!)).includes('8081 (2) + UDP 8082 (2) = 4 of 6'),
  )
  assert.deepEqual(lockouts(daemon), [])
  // The controls: another closed port, and one from which this machine opens connections, which any local user may open.
  await knock(scanner, BOTH(2), { tcp: 81 })
  await knock(scanner, BOTH(3), { tcp: 40_000 })
  const controls = [...FLIES(2), ...FLIES(3)]
  assert.deepEqual(await lockoutsOf(daemon, 4), controls)

  await sleep(Math.max(0, down + 17_000 - Date.now()))
  await knock(scanner, BOTH(4), { tcp: 8081 })
  assert.deepEqual(await lockoutsOf(daemon, 6), [...controls, ...FLIES(4)])
})

test('it holds without the daemon, and over its restart, killed or stopped; and nobody is freed by it', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await world4and6(world)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"\nserved = "90s"')
  const service = await serve(gate, 'tcp:8081')
  const first = await flypaperd.start()
  await knock(scanner, BOTH(1), { tcp: 82 })
  await lockoutsOf(first, 2)
  await sleep(10_000)
  await look(gate)
  const left = async () => (await excused(gate)).get('tcp/8081') ?? 0
  const end = async () => (await left()) * 1000 + Date.now()
  await eventually('ninety, and ten that it was open', async () => (await left()) > 95)
  const ends = await end()
  /** As it was, but for the time that has passed. */
  const isAsItWas = async () => {
    const off = (await end()) - ends
    assert.ok(Math.abs(off) < 6_000, `${off} ms later`)
  }
  await killed(flypaperd, first)
  await service.stop('SIGKILL')
  await gate.nft('flush set inet filter flypaper_served')
  assert.deepEqual(await knock(scanner, BOTH(2), { tcp: 8081 }), [], 'nobody listens to the kernel')
  for (const set of ['flypaper_hold', 'flypaper_hold6'])
    assert.doesNotMatch(
      await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]),
      /198\.18\.0\.2\b|2:2::/,
    )

  const second = await flypaperd.start()
  await isAsItWas()
  await second.stop('SIGTERM')
  const third = await flypaperd.start()
  await isAsItWas()
  await gate.nft('flush set inet filter flypaper_served')
  await knock(scanner, BOTH(3), { tcp: 8081 })
  assert.deepEqual(lockouts(third), [])
  await knock(scanner, BOTH(4), { tcp: 81 })
  await lockoutsOf(third, 2)
  assert.deepEqual(lockouts(third), FLIES(4))
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(flies.map(({ source }) => source).toSorted(), [...FLIES(1), ...FLIES(4)].toSorted())
})

const MODES = {
  listening: undefined,
  unmatched: firewall('tcp dport 443'),
  unaccepted: undefined,
} as const

for (const [mode, rules] of Object.entries(MODES)) {
  test(`closed = "${mode}": who tries port 80 of an HTTPS-only server first, each visit, is let in; who tries only such ports is not`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await world4and6(world)
    if (rules !== undefined) await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${mode}"\ncapture = "log"`)
    await serve(gate, 'tcp:443')
    const daemon = await flypaperd.start()
    for (let visit = 0; visit < 3; visit++) {
      assert.deepEqual(await knock(scanner, BOTH(1), { tcp: 80 }, { udp: 443 }), [], 'silence')
      const answers = await knock(scanner, BOTH(1), { tcp: 443, from: 20_000 + visit })
      assert.deepEqual(answers, ['syn-ack', 'syn-ack'], `visit ${visit}`)
    }
    await eventually('what counts', async () =>
      (await evidenceOf(flypaperd, BOTH(1)[1]!)).includes('80 (2) + UDP 443 (2) = 4 of 6'),
    )
    assert.deepEqual(lockouts(daemon), [])

    // A scanner who keeps to what is excusable sticks by the third, whatever he repeats.
    await knock(scanner, BOTH(2), { tcp: 80 }, { tcp: 80 }, { tcp: 853 }, { tcp: 80 }, { tcp: 113 })
    assert.deepEqual(await lockoutsOf(daemon, 2), FLIES(2))
    assert.match(await evidenceOf(flypaperd, BOTH(2)[0]!), /80 \(2\) \+ 853 \(2\) \+ 113 \(2\) = 6/)
    // What opens nothing is no visit; nor is any other port, or the sister of what is not served.
    await knock(scanner, BOTH(3), { tcp: 80, flags: 0 })
    await knock(scanner, BOTH(4), { tcp: 81 })
    await knock(scanner, BOTH(5), { tcp: 8080 })
    assert.deepEqual(await lockoutsOf(daemon, 8), [2, 3, 4, 5].flatMap(FLIES))
  })
}

test('a PC that asks its router by NAT-PMP and DNS over TLS keeps it; one that tries another port loses the router, not its internet', async () => {
  for (const [mode, rules] of Object.entries({ listening: undefined, unmatched: firewall('udp dport 53') })) {
    await using world = await makeWorld()
    const { gate, sender, behind } = await hosts(world)
    if (rules !== undefined) await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${mode}"\ncapture = "log"`)
    await serve(gate, 'udp:53')
    await serve(sender, 'tcp:80')
    const daemon = await flypaperd.start()
    const goesOut = async (to: string) => (await behind.run(['nc', '-z', '-w', '2', to, '80'])).code === 0
    const pairs = [
      { router: '10.0.0.1', pc: BEHIND[0]!, far: '192.0.2.9' },
      { router: '2001:db8:10::1', pc: BEHIND[1]!, far: '2001:db8:1::9' },
    ]
    for (const { router, pc, far } of pairs) {
      for (let i = 0; i < 3; i++)
        for (const carries of [{ udp: 5351 }, { tcp: 853 }])
          await send(behind, { bursts: [[{ source: pc, destination: router, ...carries }]], wait: 100 })
      assert.ok(await goesOut(far), `${mode}, ${pc}`)
    }
    assert.deepEqual(lockouts(daemon), [])
    for (const { router, pc, far } of pairs) {
      await send(behind, { bursts: [[{ source: pc, destination: router, tcp: 81 }]], wait: 100 })
      assert.ok(await goesOut(far), 'what is inside keeps what goes out')
    }
    assert.deepEqual(
      await lockoutsOf(daemon, 2),
      pairs.map(({ pc }) => pc),
    )
  }
})

/** A container with published ports, as podman and Docker have it without a program that waits for them. */
const PUBLISHED = `table inet published {
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "to-sender" tcp dport { 8000, 8001 } dnat ip to ${BEHIND[0]}
    iifname "to-sender" tcp dport { 8000, 8001 } dnat ip6 to ${BEHIND[1]}
    iifname "to-sender" udp dport 8002 dnat ip to ${BEHIND[0]}
    iifname "to-sender" udp dport 8002 dnat ip6 to ${BEHIND[1]}
    iifname "to-sender" tcp dport 8443 redirect to :443
  }
}`

for (const mode of ['listening', 'unmatched'] as const) {
  test(`closed = "${mode}": clients of a published port are innocent while its container is made anew`, async () => {
    await using world = await makeWorld()
    const { gate, sender, behind } = await hosts(world)
    await gate.route('198.18.0.0/15', '192.0.2.9')
    await gate.route('2001:db8:2::/48', '2001:db8:1::9')
    if (mode === 'unmatched') await gate.nft(firewall('tcp dport 443'))
    await gate.nft(PUBLISHED)
    await serve(behind, 'tcp:8000', 'udp:8002')
    await serve(gate, 'tcp:443')
    using flypaperd = install(gate, `closed = "${mode}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    const visit = async (i: number, ...carried: readonly Carries[]) => {
      const bursts = carried.flatMap(carries =>
        BOTH(i).map(source => [{ source, destination: source.includes(':') ? GATE6 : GATE, ...carries }]),
      )
      return (await send(sender, { bursts })).answers.map(({ kind }) => kind).toSorted()
    }
    const PORTS = [{ tcp: 8000 }, { tcp: 8443 }, { udp: 8002, data: 'x' }]
    assert.deepEqual(await visit(1, ...PORTS), ['syn-ack', 'syn-ack', 'syn-ack', 'syn-ack', 'udp', 'udp'])
    // Nobody answers there.
    await visit(2, { tcp: 8001 })

    await gate.nft('delete table inet published')
    await visit(3, ...PORTS)
    assert.deepEqual(lockouts(daemon), [])
    // The control: no rule has sent it anywhere.
    await visit(4, { tcp: 8009 })
    assert.deepEqual(await lockoutsOf(daemon, 2), FLIES(4))

    await gate.nft(PUBLISHED)
    assert.deepEqual(await visit(5, { tcp: 8000 }), ['syn-ack', 'syn-ack'])
  })
}

test('what was never up is excusable where the settings name it, until they do not; with a weight of 0 it counts nothing', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await world4and6(world)
  const settings = (more: string) =>
    `closed = "listening"\ncapture = "log"\n[evidence]\n${more}\nstranger = { excusable = 0 }`
  using flypaperd = install(gate, settings('excusable = ["tcp/179-181", "udp/4789"]'))
  const daemon = await flypaperd.start()
  const carried = [{ tcp: 179 }, { tcp: 180 }, { tcp: 181 }, { udp: 4789 }]
  assert.deepEqual(await knock(scanner, BOTH(1), ...carried), [])
  await knock(scanner, BOTH(2), { tcp: 853 })
  assert.deepEqual(await lockoutsOf(daemon, 2), FLIES(2), 'the default is replaced')
  flypaperd.settings(settings('excusable = ["udp/4789"]'))
  await flypaperd.must('reload')
  assert.deepEqual([...(await excused(gate)).keys()], ['udp/4789'])
  await knock(scanner, BOTH(3), { udp: 4789 })
  await knock(scanner, BOTH(4), { tcp: 179 })
  assert.deepEqual(await lockoutsOf(daemon, 4), [...FLIES(2), ...FLIES(4)])
})
