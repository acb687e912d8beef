/**
 * Real scanners against the real trap. Each scan finds the services without it, and none with it, once the
 * scanner has touched a closed port.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IN_VM, type Installation, install, lockouts, type Options, QUEUE } from '../support/daemon.ts'
import { serve } from '../support/server.ts'
import type { Host } from '../support/world.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
/** Behind a router as seen from the gate, so that its IPv6 fly is its /64. */
const SCANNER = '198.18.0.9'
const SCANNER6 = '2001:db8:2::9'
const OPEN = [22, 80, 43974]

/** All ports, as fast as nmap sends; the gate answers as fast, and what is lost is asked again once. */
const FAST = ['--min-rate', '20000', '--max-retries', '1']

/** Under emulation a full range takes minutes. */
const ALL = IN_VM ? '1-2000,43974' : '1-65535'

interface Scan {
  readonly name: string
  readonly args: readonly string[]
  readonly ports: number
  /** A closed port that is touched first: in random order an open port could come first by chance. */
  readonly touch: boolean
}

const SCANS: readonly Scan[] = [
  {
    name: '-sS of all ports in order',
    args: ['-sS', '-r', '-p', ALL, ...FAST, GATE],
    ports: IN_VM ? 2_001 : 65_535,
    touch: false,
  },
  {
    name: '-sS of all ports in random order',
    args: ['-sS', '-p', ALL, ...FAST, GATE],
    ports: IN_VM ? 2_001 : 65_535,
    touch: true,
  },
  {
    name: '-sT of 2,000 ports',
    args: ['-sT', '-p', IN_VM ? '20-219,43974' : '20-2019,43974', ...FAST, GATE],
    ports: IN_VM ? 201 : 2_001,
    touch: true,
  },
  {
    name: '-sS of all ports, IPv6',
    args: ['-6', '-sS', '-p', ALL, ...FAST, GATE6],
    ports: IN_VM ? 2_001 : 65_535,
    touch: true,
  },
]

/** The administrator's own firewall: it accepts the services, and what it does not accept comes to the judge. */
const FIREWALL = `table inet filter {
  chain flypaper_input { }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    tcp dport { ${OPEN.join(', ')} } accept
    jump flypaper_input
  }
}`

interface Way {
  readonly name: string
  readonly settings: string
  readonly firewall?: string
  readonly options?: Options
  /** All of them, unless told. */
  readonly scans?: readonly Scan[]
}

const WAYS: readonly Way[] = [
  { name: 'listening, by log', settings: 'closed = "listening"\ncapture = "log"' },
  { name: 'unmatched, by log', settings: 'closed = "unmatched"\ncapture = "log"', firewall: FIREWALL },
  {
    name: 'listening, by queue',
    settings: 'closed = "listening"\ncapture = "queue"',
    options: QUEUE,
    // The way to the daemon is all that differs: once by each family is enough.
    scans: SCANS.filter(({ name }) => /in order|IPv6/.test(name)),
  },
]

for (const way of WAYS.filter(({ options }) => !IN_VM || options === QUEUE)) {
  test(`closed = ${way.name}`, async t => {
    if (IN_VM) t.diagnostic('under emulation: by queue alone, and fewer ports')
    const scans = way.scans ?? SCANS
    await using world = await makeWorld()
    const { gate, scanner } = await gateRouterScanner(world)
    await serve(gate, ...OPEN.map(port => `tcp:${port}` as const))
    using flypaperd = install(gate, way.settings, way.options)

    await t.test('without flypaperd every scan finds the services', async () => {
      for (const scan of scans) assert.deepEqual(await openPorts(scanner, scan), OPEN, scan.name)
    })

    if (way.firewall !== undefined) await gate.nft(way.firewall)
    const daemon = await flypaperd.start()
    await gate.nft(ARRIVED)
    for (const scan of scans) {
      await t.test(scan.name, async () => {
        const six = scan.args.includes('-6')
        const before = lockouts(daemon).length
        if (scan.touch) await touchClosedPort(scanner, six ? GATE6 : GATE, daemon)
        const arrivedBefore = await arrived(gate)
        assert.deepEqual(await openPorts(scanner, scan), [])
        const tried = (await arrived(gate)) - arrivedBefore
        assert.ok(tried >= scan.ports, `${tried} packets for ${scan.ports} ports arrived`)
        const fly = six ? '2001:db8:2::/64' : SCANNER
        assert.deepEqual(lockouts(daemon).slice(before), [fly], 'one fly, one line')
        await assertOneFly(gate, flypaperd, fly)
        assert.equal(await flypaperd.must('free', fly), `Freed ${fly}.\n`)
      })
    }
    if (way.options === QUEUE) {
      await t.test('it was the queue', async () => {
        const queues = await gate.must(['cat', '/proc/net/netfilter/nfnetlink_queue'])
        const [, , , , , dropped, lost, sequence] = /^ *4242 .*$/m.exec(queues)![0].trim().split(/ +/)
        assert.deepEqual([dropped, lost], ['0', '0'])
        assert.ok(Number(sequence) >= scans.length, queues)
      })
    }
  })
}

/** gate — router — scanner: nmap's own neighbour discovery then ends at the router, who traps nobody. */
async function gateRouterScanner(world: Awaited<ReturnType<typeof makeWorld>>) {
  const gate = await world.host('gate')
  const router = await world.host('router')
  const scanner = await world.host('scanner')
  await world.link(gate, router, {
    a: [`${GATE}/24`, `${GATE6}/64`],
    b: ['192.0.2.254/24', '2001:db8:1::fe/64'],
  })
  await world.link(router, scanner, {
    a: ['198.18.0.254/24', '2001:db8:2::fe/64'],
    b: [`${SCANNER}/24`, `${SCANNER6}/64`],
  })
  await router.forward()
  await gate.route('198.18.0.0/24', '192.0.2.254')
  await gate.route('2001:db8:2::/48', '2001:db8:1::fe')
  await scanner.route('192.0.2.0/24', '198.18.0.254')
  await scanner.route('2001:db8:1::/64', '2001:db8:2::fe')
  return { gate, scanner }
}

/** Counts the TCP packets that arrive, before the trap sees them: a scan that sends nothing finds nothing either. */
const ARRIVED =
  'table inet arrived {\n chain prerouting {\n type filter hook prerouting priority -460\n meta l4proto tcp counter\n}\n}'

async function arrived(gate: Host): Promise<number> {
  const listing = await gate.must(['nft', 'list', 'table', 'inet', 'arrived'])
  return Number(/counter packets (\d+)/.exec(listing)![1])
}

/** The ports that nmap calls open; what it calls open|filtered is silence. */
async function openPorts(scanner: Host, { args }: Pick<Scan, 'args'>): Promise<number[]> {
  const report = await scanner.must(['nmap', '-n', '-Pn', '--host-timeout', '60s', '-oG', '-', ...args], {
    timeout: 90_000,
  })
  assert.doesNotMatch(report, /Timeout/)
  assert.match(report, /1 host up/, 'the scan took place')
  return [...report.matchAll(/(\d+)\/open\//g)].map(([, port]) => Number(port))
}

async function touchClosedPort(
  scanner: Host,
  address: string,
  daemon: { says(line: RegExp): Promise<unknown> },
) {
  const family = address.includes(':') ? ['-6'] : []
  await scanner.must(['nmap', ...family, '-n', '-Pn', '-sS', '-p', '9', '--max-retries', '0', address])
  await daemon.says(/lockout .*TCP-port 9\b/)
}

async function assertOneFly(gate: Host, flypaperd: Installation, fly: string) {
  const set = fly.includes(':') ? 'flypaper6' : 'flypaper'
  const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
  assert.deepEqual(
    [...listing.matchAll(/(\S+) timeout \S+ expires/g)].map(([, found]) => found),
    [fly.replace('/64', '')],
  )
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(
    flies.map(({ source }) => source),
    [fly],
  )
}
