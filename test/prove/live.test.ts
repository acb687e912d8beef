import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PUBLISHED_MAX } from '../../src/prove/behind.ts'
import { type LiveFacts, machineFrom } from '../../src/prove/live.ts'
import { gateLines, outsideLines, targetsOf } from '../../src/prove/machine.ts'
import type { Service } from '../../src/prove/scans.ts'

const SSH: Service = { protocol: 'tcp', port: 22 }
const ALWAYS = 2

/** A router: the world by eth0, containers behind a bridge. */
const ROUTER: LiveFacts = {
  links: [
    { ifname: 'lo', flags: ['UP'] },
    { ifname: 'eth0', flags: ['UP'] },
    { ifname: 'docker0', flags: ['UP'], linkinfo: { info_kind: 'bridge' } },
    { ifname: 'veth1', flags: ['UP'], linkinfo: { info_kind: 'veth' }, master: 'docker0' },
    { ifname: 'sit0', flags: ['NOARP'], linkinfo: { info_kind: 'sit' } },
  ],
  addresses: [
    { ifname: 'lo', addr_info: [{ local: '127.0.0.1', prefixlen: 8, scope: 'host' }] },
    {
      ifname: 'eth0',
      addr_info: [
        { local: '192.0.2.1', prefixlen: 24, scope: 'global' },
        { local: '2001:db8:1::1', prefixlen: 64, scope: 'global' },
        { local: 'fe80::1', prefixlen: 64, scope: 'link' },
      ],
    },
    { ifname: 'docker0', addr_info: [{ local: '172.17.0.1', prefixlen: 16, scope: 'global' }] },
  ],
  routes: [
    { dst: 'default', gateway: '192.0.2.254', dev: 'eth0' },
    { dst: 'default', gateway: 'fe80::fe', dev: 'eth0' },
    { dst: '172.17.0.0/16', dev: 'docker0' },
    { dst: '10.0.0.0/8', gateway: '172.17.0.9', dev: 'docker0' },
  ],
  routingRules: 3,
  ruleset: 'table inet filter {}',
  iptables: [],
  hasLegacyRules: false,
  sysctls: { 'net/ipv4/ip_forward': '1' },
  services: [SSH],
  innocents: ['203.0.113.5', '192.0.2.1', '172.17.0.2', '2001:db8:9::5'].map(address => ({
    address,
    service: SSH,
    who: 'connected now:',
  })),
}

test('interfaces, addresses, routes and gateways of a router', () => {
  const machine = machineFrom(ROUTER)
  assert.deepEqual(targetsOf(machine), [
    { family: 4, address: '192.0.2.1' },
    { family: 6, address: '2001:db8:1::1' },
  ])
  assert.deepEqual(gateLines(machine), [
    'link add docker0 type bridge',
    'link add flyp0 type veth peer name flyq0',
    'link set flyp0 master docker0 up',
    'link set docker0 up',
    'link set flyq0 up',
    'link add veth1 type veth peer name flyq1',
    'link set veth1 up',
    'link set flyq1 up',
    'link set veth1 master docker0',
    'address add 192.0.2.1/24 dev eth0',
    'address add 2001:db8:1::1/64 dev eth0 nodad',
    'address add 172.17.0.1/16 dev docker0',
    'neighbour replace 192.0.2.254 dev eth0 lladdr 02:00:00:00:00:02 nud permanent',
    'neighbour replace fe80::fe dev eth0 lladdr 02:00:00:00:00:02 nud permanent',
    'route replace default via 192.0.2.254 dev eth0 onlink',
    'route replace default via fe80::fe dev eth0 onlink',
    'route replace 10.0.0.0/8 via 172.17.0.9 dev docker0',
  ])
  assert.ok(outsideLines(machine).includes('address add 192.0.2.254/32 dev outside'))
})

test('who is connected now by the uplink is an innocent, and who lives inside is said', () => {
  const { innocents, missing } = machineFrom(ROUTER)
  assert.deepEqual(
    innocents.map(({ address }) => address),
    ['203.0.113.5', '2001:db8:9::5'],
  )
  assert.deepEqual(missing.slice(ALWAYS), [
    'Hosts of other links that are connected now.',
    'Hosts behind it: stand-ins answer for 172.17.0.2.',
  ])
})

test('what cannot be cloned is said, each by itself', () => {
  const said = (changes: Partial<LiveFacts>) =>
    machineFrom({ ...ROUTER, sysctls: {}, innocents: [], ...changes }).missing.slice(ALWAYS)
  assert.deepEqual(said({}), [], 'the control')
  for (const [changes, text] of [
    [{ ruleset: 'table inet t { flowtable f {} }' }, /^Flowtables/],
    [{ ruleset: 'meta skuid 1000 accept' }, /^Users and cgroups/],
    [{ ruleset: 'socket cgroupv2 level 1 "x" accept' }, /^Users and cgroups/],
    [{ ruleset: 'table inet t {\n\tflags owner\n}' }, /^The owners of tables/],
    [{ ruleset: 'tcp dport 80-90 dnat to 172.17.0.2' }, /^Hosts that connections are translated to/],
    [{ ruleset: 'tcp dport 80 dnat to 172.17.0.2\nct status dnat accept', routingRules: 4 }, /routing table/],
    [{ hasLegacyRules: true }, /iptables-legacy/],
    [{ routingRules: 4 }, /choose a routing table/],
    [
      { routes: [...ROUTER.routes, { dst: '198.51.100.0/24', type: 'blackhole' }] },
      /^Routes that are blackhole/,
    ],
    [
      { links: [...ROUTER.links, { ifname: 'wg0', flags: ['UP'], linkinfo: { info_kind: 'wireguard' } }] },
      /^Kinds of interfaces: wg0 \(wireguard\)/,
    ],
    [{ links: ROUTER.links.map(link => ({ ...link, xdp: {} })).slice(1, 2) }, /^XDP programs: eth0/],
    [{ routes: ROUTER.routes.slice(1) }, /^There is no default route of IPv4; the clone has one/],
  ] satisfies [Partial<LiveFacts>, RegExp][]) {
    const [one, ...more] = said(changes)
    assert.match(one ?? '', text)
    assert.deepEqual(more, [])
  }
})

test('of ports that rules translate no more than so many are scanned; the others are counted', () => {
  const rules = Array.from({ length: PUBLISHED_MAX + 5 }, (_, i) => `tcp dport ${i + 1} dnat to 172.17.0.9`)
  const { published, missing } = machineFrom({ ...ROUTER, sysctls: {}, ruleset: rules.join('\n') })
  assert.equal(published?.length, PUBLISHED_MAX)
  assert.equal(missing.at(-1), 'Ports that rules translate: 5 more.')
})

test('a machine of IPv6 alone is scanned by that, and one without an address not at all', () => {
  const addresses = [
    { ifname: 'eth0', addr_info: [{ local: '2001:db8:1::1', prefixlen: 64, scope: 'global' }] },
  ]
  const machine = machineFrom({ ...ROUTER, addresses, routes: [] })
  assert.deepEqual(targetsOf(machine), [{ family: 6, address: '2001:db8:1::1' }])
  assert.throws(() => machineFrom({ ...ROUTER, addresses: [], routes: [] }), { name: 'Failure', exit: 69 })
})
