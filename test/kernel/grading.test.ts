/**
 * What nmap and masscan do apart from SYN and connect scans (scans.test.ts), one after the other: each is told by the first packet
 * that is judged, or, where a packet proves little, by the third distinct port. What each of them sees without the trap comes first.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import {
  countArrivals,
  countsOf,
  firewall,
  flyOf,
  GATE,
  GATE6,
  gateRouterScanner,
  nmap,
  OPEN,
  SCANNER,
} from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

/** Open by UDP, at the end of the range. */
const OPEN_UDP = 1100
/** The last says how long nmap waits for who is silent. */
const RATE = ['--min-rate', '1000', '--max-rate', '1000', '--max-retries', '1', '--max-rtt-timeout', '300ms']
/** 1,000 packets a second, in order, a closed port first. */
const TCP = ['-r', ...RATE, '-p', '1-100,43974']
const UDP = ['-sU', '-Pn', '-r', ...RATE, '-p', `1000-${OPEN_UDP}`]
/** Protocols, from GGP on, which nobody has spoken since the eighties: 6 and 17 are there. */
const PROTOCOLS = ['-sO', '-Pn', '-r', ...RATE, '-p', '3-255']
/** 100 a second: the daemon counts three ports long before the open one has its turn. */
const FROM_53 = [
  '-sU',
  '-g',
  '53',
  '-Pn',
  '-r',
  '--min-rate',
  '100',
  '--max-rate',
  '100',
  '--max-retries',
  '1',
]

interface Scan {
  readonly args: readonly string[]
  /** Without the trap: the ports that nmap says this of, all others being told from them; or all are said to be this. */
  readonly without: { readonly state: string; readonly ports: readonly number[] | 'all' }
  /** With the trap: said of all ports. */
  readonly with: string
  /** What the log says that the scanner tried: what it sent first, or third of what no scan before had tried. */
  readonly tried: RegExp
  /** Packets that come to an open port before: the ACK of the discovery, which nothing answers. */
  readonly reached?: number
  readonly because: 'closed-port' | 'icmp-question' | 'illegal-flags' | 'unknown-protocol' | 'distinct-ports'
}

/** By flags that nothing legal carries: the open ports are those that do not answer RST. */
const inverse = (...flags: readonly string[]): Scan => ({
  args: [...flags, '-Pn', ...TCP],
  without: { state: 'open|filtered', ports: OPEN },
  with: 'open|filtered',
  tried: /^TCP-port 1$/,
  because: 'illegal-flags',
})

/** By late packets, which open and closed ports answer alike where no firewall is. */
const late = (flag: string, without: string, silence: string): Scan => ({
  args: [flag, '-Pn', ...TCP],
  without: { state: without, ports: 'all' },
  with: silence,
  tried: /^TCP-port [1-9]$/,
  because: 'distinct-ports',
})
const LATE = [
  late('-sA', 'unfiltered', 'filtered'),
  late('-sW', 'closed', 'filtered'),
  late('-sM', 'closed', 'open|filtered'),
]

const SCANS: readonly Scan[] = [
  inverse('-sF'),
  inverse('-sN'),
  inverse('-sX'),
  {
    ...inverse('-sS', '--scanflags', 'SYNFIN'),
    without: { state: 'filtered', ports: OPEN },
    with: 'filtered',
  },
  {
    args: ['-sS', '-f', '-Pn', ...TCP],
    without: { state: 'open', ports: OPEN },
    with: 'filtered',
    tried: /^TCP-port 1$/,
    because: 'closed-port',
  },
  ...LATE,
  {
    args: UDP,
    without: { state: 'open', ports: [OPEN_UDP] },
    with: 'open|filtered',
    tried: /^UDP-port 1000$/,
    because: 'closed-port',
  },
  {
    args: [...FROM_53, '-p', `1024-${OPEN_UDP}`],
    without: { state: 'open', ports: [OPEN_UDP] },
    with: 'open|filtered',
    tried: /^UDP-port 102[4-6]$/,
    because: 'distinct-ports',
  },
  {
    args: PROTOCOLS,
    without: { state: 'open', ports: [6, 17] },
    with: 'open|filtered',
    tried: /^protocol 3$/,
    because: 'unknown-protocol',
  },
  {
    // Is the host up? A ping, SYN to 443, which is excused beside port 80, ACK to 80, a timestamp: that is an offence.
    args: TCP,
    without: { state: 'open', ports: OPEN },
    with: 'filtered',
    tried: /^ICMP-type 13$/,
    because: 'icmp-question',
    reached: 1,
  },
]

/** The rules about flags know no family: one of each kind. And IPv6 has no fragments of 8 bytes. */
const SCANS6 = SCANS.filter(({ args }) => !args.some(arg => ['-f', '-sN', '-sX', '-sW'].includes(arg))).map(
  // IPv6 has no timestamps: the scan's first port is the offence.
  scan => (scan.args === TCP ? { ...scan, tried: /^TCP-port 1$/, because: 'closed-port' as const } : scan),
)

const ALL = [
  ...SCANS.map(scan => ({ ...scan, args: [...scan.args, GATE] })),
  ...SCANS6.map(scan => ({ ...scan, args: ['-6', ...scan.args, GATE6] })),
]

const MODES = [
  { closed: 'listening', rules: '' },
  {
    closed: 'unmatched',
    // Pings and ICMP errors are as the administrator wants them.
    rules: firewall(
      `tcp dport { ${OPEN.join(', ')} }`,
      `udp dport ${OPEN_UDP}`,
      'icmp type echo-request',
      'icmpv6 type echo-request',
    ),
  },
]

test('without the trap every scan finds what it looks for', async () => {
  await using world = await makeWorld()
  const { router, scanner } = await gateWithServices(world)
  for (const { args, without } of ALL) {
    const { counts, ports } = await nmap(scanner, args)
    if (without.ports === 'all') assert.deepEqual(Object.keys(counts), [without.state], args.join(' '))
    else {
      assert.deepEqual(ports(without.state), without.ports, args.join(' '))
      assert.ok(counts.closed, `others are closed: ${args.join(' ')}`)
    }
  }
  for (const to of [GATE, GATE6]) assert.notDeepEqual(await masscan(scanner, router, to), [])
})

for (const { closed, rules } of MODES) {
  test(`closed = ${closed}`, async t => {
    await using world = await makeWorld()
    const { gate, router, scanner } = await gateWithServices(world)
    if (rules !== '') await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${closed}"`)
    const daemon = await flypaperd.start()
    const arrived = await countArrivals(gate)
    await gate.nft(REACHED)
    const reasons = new Map<string, string[]>()
    const noted = (fly: string, because: string) => reasons.set(fly, [...(reasons.get(fly) ?? []), because])

    for (const scan of ALL) {
      await t.test(scan.args.join(' '), async () => {
        const fly = flyOf(scan.args)
        const before = { ...(await judged(gate)), arrived: await arrived() }
        const { counts } = await nmap(scanner, scan.args)
        assert.match(await freedAgain(gate, daemon, fly), scan.tried)
        noted(fly, scan.because)
        assert.deepEqual(Object.keys(counts), [scan.with], JSON.stringify(counts))
        const after = await judged(gate)
        if (scan.because === 'distinct-ports') assert.equal(after.offences, before.offences)
        else {
          assert.equal(after.offences - before.offences, 1, 'the first that was judged')
          assert.equal(after.reached - before.reached, scan.reached ?? 0, 'packets that reached an open port')
        }
        const sent = (await arrived()) - before.arrived
        assert.ok(sent >= counts[scan.with]!, `${sent} packets arrived`)
      })
    }

    for (const to of [GATE, GATE6]) {
      await t.test(`masscan of ${to}`, async () => {
        await gate.nft('flush set inet reached first')
        const before = { ...(await judged(gate)), arrived: await arrived() }
        assert.deepEqual(await masscan(scanner, router, to), [])
        const fly = flyOf([to])
        assert.equal(await freedAgain(gate, daemon, fly), `TCP-port ${await firstPort(gate)}`)
        noted(fly, 'closed-port')
        const after = await judged(gate)
        assert.equal(after.offences - before.offences, 1, 'the first that was judged')
        assert.equal(after.reached, before.reached, 'and no packet reached an open port')
        assert.ok((await arrived()) - before.arrived > 10_000)
      })
    }

    await t.test(
      'late packets to a few ports, open and closed, prove nothing, and are not answered',
      async () => {
        for (const to of [[GATE], ['-6', GATE6]]) {
          for (const { args, with: silence } of LATE) {
            const few = [args[0]!, '-Pn', ...RATE, '-p', '22,80,40000,43974', ...to]
            assert.deepEqual((await nmap(scanner, few)).counts, { [silence]: 4 }, few.join(' '))
          }
        }
      },
    )

    await t.test('the history has them all, with their reasons', async () => {
      for (const [fly, expected] of reasons) {
        const { lockouts } = JSON.parse(await flypaperd.must('why', fly, '--json'))[0]
        const told = lockouts.map(({ because }: { because: string }) => because)
        assert.deepEqual(told.sort(), expected.sort())
      }
    })
  })
}

async function gateWithServices(world: World) {
  const hosts = await gateRouterScanner(world)
  await hosts.gate.sysctl('net/ipv4/icmp_ratelimit', 0)
  await hosts.gate.sysctl('net/ipv6/icmp/ratelimit', 0)
  await serve(hosts.gate, ...OPEN.map(port => `tcp:${port}` as const), `udp:${OPEN_UDP}`)
  return hosts
}

/** What our rules let through: probes at open ports. And the first port of a scan at full speed. */
const REACHED = `table inet reached {
  set first { type inet_service; size 1; flags dynamic; }
  chain prerouting {
    type filter hook prerouting priority -460
    tcp flags syn add @first { tcp dport }
  }
  chain input {
    type filter hook input priority -5
    tcp dport { ${OPEN.join(', ')} } counter
    udp dport ${OPEN_UDP} counter
    meta l4proto { tcp, udp } accept
  }
}`

/** Packets that the kernel took for an offence, and those that came to an open port, until now. */
async function judged(gate: Host): Promise<{ offences: number; reached: number }> {
  return {
    offences: await countsOf(gate, 'chain inet filter flypaper_offence'),
    reached: await countsOf(gate, 'chain inet reached input'),
  }
}

async function firstPort(gate: Host): Promise<string> {
  const listing = await gate.must(['nft', 'list', 'set', 'inet', 'reached', 'first'])
  return /elements = \{ (\d+)/.exec(listing)![1]!
}

/** What the daemon says of the one lockout that there is; the administrator frees the fly meanwhile, as nft does it fastest. */
async function freedAgain(gate: Host, daemon: Running, fly: string): Promise<string> {
  const name = fly.replaceAll('.', '\\.')
  const [, tried] = await daemon.says(new RegExp(`lockout ${name}, who tried (\\S+ \\d+)`))
  const set = fly.includes(':') ? 'flypaper6' : 'flypaper'
  assert.deepEqual(await listed(gate, set), [fly.replace('/64', '')])
  await gate.nft(`delete element inet filter ${set} { ${fly.replace('/64', '')} }`)
  await daemon.says(new RegExp(`free ${name} \\(by`))
  await gate.nft('flush set inet filter flypaper_hold; flush set inet filter flypaper_hold6')
  return tried!
}

/** 50,000 packets a second in random order. Its end comes only when it sees something, hence the ping from the side. */
async function masscan(scanner: Host, router: Host, to: string): Promise<number[]> {
  const ping = await router.start(['ping', '-q', '-i', '0.2', SCANNER])
  const from =
    to === GATE
      ? ['--adapter-ip', SCANNER, '--router-mac', '02:00:00:00:02:0a']
      : ['--adapter-ip', '2001:db8:2::9', '--router-mac-ipv6', '02:00:00:00:02:0a']
  const what = ['-p', '1-10000,43974', '--rate', '50000', '--retries', '1', '--seed', '1', '--wait', '1']
  const found = await scanner.must(['masscan', to, ...what, '-i', 'to-router', ...from])
  await ping.stop('SIGINT')
  return [...found.matchAll(/open port (\d+)\//g)].map(([, port]) => Number(port))
}
