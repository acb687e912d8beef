/**
 * Real scanners against the real trap. Each scan finds the services without it, and none with it, once the
 * scanner has touched a closed port.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IN_VM, install, lockouts, type Options, QUEUE } from '../support/daemon.ts'
import {
  assertOneFly,
  countArrivals,
  firewall,
  flyOf,
  GATE,
  GATE6,
  gateRouterScanner,
  nmap,
  OPEN,
  touchClosedPort,
} from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

/** All ports, as fast as nmap sends; the gate answers as fast, and what is lost is asked again once. */
const FAST = ['--min-rate', '20000', '--max-retries', '1']
/** A control may lose no answer where other tests have the processors: fewer ports, and what is lost is asked again, and again. */
const PATIENT = ['--max-retries', '6']
const AROUND = '20-519,43500-43999'

/** Under emulation a full range takes minutes. */
const ALL = IN_VM ? '1-2000,43974' : '1-65535'
const ALL_COUNT = IN_VM ? 2_001 : 65_535

interface Scan {
  readonly name: string
  readonly how: readonly string[]
  readonly target: string
  readonly ports: string
  /** How many these are. */
  readonly count: number
  /** A closed port that is touched first: in random order an open port could come first by chance. */
  readonly touch: boolean
}

const everyPort = { target: GATE, ports: ALL, count: ALL_COUNT, touch: true }
const SCANS: readonly Scan[] = [
  { ...everyPort, name: '-sS of all ports in order', how: ['-sS', '-r'], touch: false },
  { ...everyPort, name: '-sS of all ports in random order', how: ['-sS'] },
  {
    ...everyPort,
    name: '-sT of 2,000 ports',
    how: ['-sT'],
    ports: IN_VM ? '20-219,43974' : '20-2019,43974',
    count: IN_VM ? 201 : 2_001,
  },
  { ...everyPort, name: '-sS of all ports, IPv6', how: ['-6', '-sS'], target: GATE6 },
]

/** The administrator accepts the services, and what he does not accept comes to the judge. */
const FIREWALL = firewall(`tcp dport { ${OPEN.join(', ')} }`)

interface Way {
  readonly name: string
  readonly settings: string
  readonly firewall?: string
  readonly options?: Options
  /** All of them, unless told. */
  readonly scans?: readonly Scan[]
}

/** Once by each family is enough where only the end of the way differs. */
const FEW = SCANS.filter(({ name }) => /in order|IPv6/.test(name))

const WAYS: readonly Way[] = [
  { name: 'listening, by log', settings: 'closed = "listening"\ncapture = "log"' },
  { name: 'unmatched, by log', settings: 'closed = "unmatched"\ncapture = "log"', firewall: FIREWALL },
  // Its chain refuses what nobody listens for, too; the jump leads into an empty chain.
  {
    name: 'unaccepted, by log',
    settings: 'closed = "unaccepted"\ncapture = "log"',
    firewall: FIREWALL,
    scans: FEW,
  },
  {
    name: 'listening, by queue',
    settings: 'closed = "listening"\ncapture = "queue"',
    options: QUEUE,
    scans: FEW,
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
    const openPorts = async ({ how, target, ports }: Scan, speed = FAST) =>
      (await nmap(scanner, ['-Pn', ...how, '-p', ports, ...speed, target])).ports('open')

    await t.test('without flypaperd every scan finds the services', async () => {
      for (const scan of scans)
        assert.deepEqual(await openPorts({ ...scan, ports: AROUND }, PATIENT), OPEN, scan.name)
    })

    if (way.firewall !== undefined) await gate.nft(way.firewall)
    const daemon = await flypaperd.start()
    const arrived = await countArrivals(gate)
    for (const scan of scans) {
      await t.test(scan.name, async () => {
        const before = lockouts(daemon).length
        if (scan.touch) await touchClosedPort(scanner, scan.target, daemon)
        const arrivedBefore = await arrived()
        assert.deepEqual(await openPorts(scan), [])
        const tried = (await arrived()) - arrivedBefore
        assert.ok(tried >= scan.count, `${tried} packets for ${scan.count} ports arrived`)
        const fly = flyOf(scan.how)
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
