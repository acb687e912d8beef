/**
 * Scans as attackers run them: gate — router — scanner, nmap and masscan, what they found, and what of them arrived.
 * Behind a router nmap's own neighbour discovery ends there, and the scanner's IPv6 fly is its /64.
 */
import assert from 'node:assert/strict'
import type { Installation } from './daemon.ts'
import { PATIENCE, type Running } from './process.ts'
import { listed } from './trap.ts'
import type { Host, World } from './world.ts'

export const GATE = '192.0.2.1'
export const GATE6 = '2001:db8:1::1'
export const SCANNER = '198.18.0.9'
const SCANNER6 = '2001:db8:2::9'
const FLY6 = '2001:db8:2::/64'
/** The host behind it, in a world that has one. */
export const BEHIND = '10.0.0.5'
export const BEHIND6 = '2001:db8:10::5'
/** The services of the gate, by TCP. */
export const OPEN = [22, 80, 43974]

/** As whom the scanner sticks. */
export function flyOf(args: readonly string[]): string {
  return args.includes('-6') || args.includes(GATE6) ? FLY6 : SCANNER
}

export async function gateRouterScanner(world: World): Promise<{ gate: Host; router: Host; scanner: Host }> {
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
  return { gate, router, scanner }
}

/** A gate that forwards, in both families: who is outside stands for everybody, and a host is behind. */
export async function gateOutsideBehind(world: World): Promise<{ gate: Host; outside: Host; behind: Host }> {
  const [gate, outside, behind] = (await Promise.all(
    ['gate', 'outside', 'behind'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  await world.link(gate, outside, {
    a: [`${GATE}/24`, '2001:db8:1::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await world.link(gate, behind, {
    a: ['10.0.0.1/24', '2001:db8:10::1/64'],
    b: [`${BEHIND}/24`, `${BEHIND6}/64`],
  })
  await gate.forward()
  await gate.route('default', '192.0.2.9')
  await gate.route('::/0', '2001:db8:1::9')
  await behind.route('default', '10.0.0.1')
  await behind.route('::/0', '2001:db8:10::1')
  await outside.route('2001:db8:10::/64', '2001:db8:1::1')
  return { gate, outside, behind }
}

/** A gate and a scanner on one link, in IPv6 too if one of the nets is: those of the sources in whose name the scanner sends. */
export async function gateAndScanner(
  world: World,
  ...nets: readonly string[]
): Promise<{ gate: Host; scanner: Host }> {
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const six = nets.some(net => net.includes(':'))
  await world.link(gate, scanner, {
    a: [`${GATE}/24`, ...(six ? [`${GATE6}/64`] : [])],
    b: ['192.0.2.9/24', ...(six ? ['2001:db8:1::9/64'] : [])],
  })
  for (const net of nets) await gate.route(net, net.includes(':') ? '2001:db8:1::9' : '192.0.2.9')
  return { gate, scanner }
}

/** The administrator's own firewall: it accepts the services, and what it does not accept comes to the judge. */
export function firewall(...accept: readonly string[]): string {
  return `table inet filter {
  chain flypaper_input { }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    ${accept.map(match => `${match} accept`).join('\n    ')}
    jump flypaper_input
  }
}`
}

/** What nmap reports: how many ports it calls what, and the ports that it names. It must have taken place. */
export async function nmap(
  scanner: Host,
  args: readonly string[],
): Promise<{ counts: Readonly<Record<string, number>>; ports(state: string): number[] }> {
  const command = ['nmap', '-n', '--host-timeout', `${60 * PATIENCE}s`, '-oG', '-', ...args]
  const report = await scanner.must(command, { timeout: 90_000 })
  assert.doesNotMatch(report, /Timeout/)
  assert.match(report, /1 host up/, 'the scan took place')
  const named = [...report.matchAll(/(\d+)\/([a-z|]+)\/(?:\w+)?\//g)]
  const counts: Record<string, number> = {}
  for (const [, , state] of named) counts[state!] = (counts[state!] ?? 0) + 1
  const ignored = /Ignored State: (\S+) \((\d+)\)/.exec(report)
  if (ignored !== null) counts[ignored[1]!] = (counts[ignored[1]!] ?? 0) + Number(ignored[2])
  return {
    counts,
    ports: wanted => named.filter(([, , state]) => state === wanted).map(([, port]) => Number(port)),
  }
}

/** Counts what arrives for the gate before the trap sees it: a scan that sends nothing finds nothing either. */
export async function countArrivals(gate: Host): Promise<() => Promise<number>> {
  await gate.nft(`table inet arrived {
  chain prerouting {
    type filter hook prerouting priority -460
    ip daddr ${GATE} counter
    ip6 daddr ${GATE6} counter
  }
}`)
  return () => countsOf(gate, 'table inet arrived')
}

/** The sum of the packet counters in a listing: `chain inet filter flypaper_offence`. */
export async function countsOf(host: Host, what: string): Promise<number> {
  const listing = await host.must(['nft', 'list', ...what.split(' ')])
  return [...listing.matchAll(/counter packets (\d+)/g)].reduce(
    (sum, [, packets]) => sum + Number(packets),
    0,
  )
}

/** The first touch of a closed port, where the order of a scan is random: an open port could come first by chance. */
export async function touchClosedPort(scanner: Host, address: string, daemon: Running): Promise<void> {
  const family = address.includes(':') ? ['-6'] : []
  await scanner.must(['nmap', ...family, '-n', '-Pn', '-sS', '-p', '9', '--max-retries', '0', address])
  await daemon.says(/lockout .*TCP-port 9\b/)
}

/** Kernel and history agree: this fly, and no other. */
export async function assertOneFly(gate: Host, flypaperd: Installation, fly: string): Promise<void> {
  const set = fly.includes(':') ? 'flypaper6' : 'flypaper'
  assert.deepEqual(await listed(gate, set), [fly.replace('/64', '')])
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(
    flies.map(({ source }) => source),
    [fly],
  )
}
