/**
 * Where the managers are tried: a gate with services, which the world reaches by one router, and a host behind it.
 * Sources that do not exist send from the router, scans and connections come from hosts behind that.
 */
import { GATE, GATE6 } from '../support/corpus.ts'
import { serve } from '../support/server.ts'
import type { Host, World } from '../support/world.ts'
import { BEHIND } from './managers.ts'

export const SCANNER = {
  address: '198.51.100.9',
  address6: '2001:db8:2::9',
  fly6: '2001:db8:2::/64',
} as const
/** They come in peace: each is a source of its own. */
export const VISITORS = ['203.0.113.21', '203.0.113.22', '2001:db8:5:1::1', '2001:db8:5:2::1'] as const
/** Somebody listens there, and no manager allows it. */
export const REFUSED = 3306
const ROUTER = { address: '192.0.2.9', address6: '2001:db8:1::9' } as const

export interface Site {
  readonly gate: Host
  /** The gate's router, from which forged sources send. */
  readonly others: Host
  readonly scanner: Host
  readonly visitors: Host
  readonly behind: Host
}

export async function build(world: World): Promise<Site> {
  const gate = await world.host('gate')
  const others = await world.host('others')
  const scanner = await world.host('scanner')
  const visitors = await world.host('visitors')
  const behind = await world.host('behind')
  await world.link(gate, others, {
    a: [`${GATE}/24`, `${GATE6}/64`],
    b: [`${ROUTER.address}/24`, `${ROUTER.address6}/64`],
  })
  await world.link(others, scanner, {
    a: ['198.51.100.1/24', '2001:db8:2::1/64'],
    b: [`${SCANNER.address}/24`, `${SCANNER.address6}/64`],
  })
  await world.link(others, visitors, {
    a: ['203.0.113.1/24', '2001:db8:5::1/60'],
    b: VISITORS.map(address => `${address}/${address.includes(':') ? 60 : 24}`),
  })
  await world.link(gate, behind, { a: ['10.0.0.1/24'], b: [`${BEHIND}/24`] })
  await others.forward()
  // Nobody is there, which no router shall say to whoever answers them.
  await others.must(['ip', 'route', 'add', 'blackhole', '198.18.0.0/15'])
  await others.must(['ip', 'route', 'add', 'blackhole', '100.64.0.0/10'])
  await others.must(['ip', '-6', 'route', 'add', 'blackhole', '2001:db8::/32'])
  await others.route('10.0.0.0/24', GATE)
  await others.must(['ip', 'route', 'add', '224.0.0.0/4', 'dev', 'to-gate'])
  await gateway(gate, ROUTER.address, ROUTER.address6)
  await gateway(scanner, '198.51.100.1', '2001:db8:2::1')
  await gateway(visitors, '203.0.113.1', '2001:db8:5::1')
  await behind.route('default', '10.0.0.1')
  // Half-open connections of forged sources would be answered again and again, and counted with what the gate sends later.
  await gate.sysctl('net/ipv4/tcp_synack_retries', 0)
  await serve(gate, 'tcp:22', 'tcp:80', 'tcp:43974', 'udp:443', `tcp:${REFUSED}`)
  await serve(behind, 'tcp:80')
  return { gate, others, scanner, visitors, behind }
}

async function gateway(host: Host, four: string, six: string): Promise<void> {
  await host.route('default', four)
  await host.must(['ip', '-6', 'route', 'add', 'default', 'via', six])
}
