import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behindLines, behindOf, isHalfPublished, openOf, publishedIn } from '../../src/prove/behind.ts'
import type { Service } from '../../src/prove/scans.ts'

const tcp = (port: number): Service => ({ protocol: 'tcp', port })
const udp = (port: number): Service => ({ protocol: 'udp', port })

test('published ports, as nft lists them and iptables-save does; others are told apart', () => {
  for (const [rule, ...expected] of [
    ['iifname "eth0" tcp dport 8080 dnat to 10.0.0.5:80', tcp(8080), '10.0.0.5', 80],
    ['tcp dport 8080 counter dnat ip to 10.0.0.5', tcp(8080), '10.0.0.5', 8080],
    ['udp dport 53 dnat ip6 to [2001:db8:10::5]:5353', udp(53), '2001:db8:10::5', 5353],
    ['udp dport 53 dnat to 2001:db8:10::5 comment "x"', udp(53), '2001:db8:10::5', 53],
    [
      '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      tcp(8080),
      '172.17.0.2',
      80,
    ],
    ['-A X -p tcp -m tcp --dport 22 -j DNAT --to-destination [2001:db8::5]:22', tcp(22), '2001:db8::5', 22],
  ] as const) {
    const [service, to, toPort] = expected
    assert.deepEqual(publishedIn(`chain x {\n\t\t${rule}\n}`), [{ service, to, toPort }], rule)
    assert.equal(isHalfPublished(rule), false)
  }
  for (const rule of [
    'dnat to 10.0.0.5',
    'tcp dport 80-90 dnat to 10.0.0.5',
    'dnat ip to tcp dport map { 80 : 10.0.0.5 }',
    'tcp dport 80 dnat to 10.0.0.5-10.0.0.9',
    '-A X -j DNAT --to-destination 10.0.0.5',
  ])
    assert.deepEqual([publishedIn(rule), isHalfPublished(rule)], [[], true], rule)
  for (const rule of ['ct status dnat accept', 'tcp dport 80 redirect to :8080', 'tcp dport 80 accept'])
    assert.deepEqual([publishedIn(rule), isHalfPublished(rule)], [[], false], rule)
})

const ROUTER = {
  uplink: 'eth0',
  links: ['eth1', 'eth2'].map(name => ({ name, isBridge: false })),
  addresses: [
    { device: 'eth0', address: '192.0.2.1', length: 24 },
    { device: 'eth1', address: '10.1.0.1', length: 24 },
    { device: 'eth2', address: '10.2.0.1', length: 24 },
    { device: 'eth2', address: '2001:db8:10::1', length: 64 },
  ],
  sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '1' },
  services: [tcp(22)],
}

test('the stand-in is where connections are sent, else in the first network', () => {
  assert.deepEqual(behindOf(ROUTER), {
    device: 'eth1',
    hosts: [{ address: '10.1.0.2', gateway: '10.1.0.1' }],
    services: [tcp(22)],
  })
  const published = [
    { service: tcp(8080), to: '10.2.0.5', toPort: 80 },
    { service: tcp(8081), to: '10.2.0.6', toPort: 80 },
  ]
  const behind = behindOf({ ...ROUTER, published })!
  assert.deepEqual(behind, {
    device: 'eth2',
    hosts: [
      { address: '10.2.0.5', gateway: '10.2.0.1' },
      { address: '10.2.0.6', gateway: '10.2.0.1' },
      { address: '2001:db8:10::2', gateway: '2001:db8:10::1' },
    ],
    services: [tcp(22), tcp(80)],
  })
  assert.deepEqual(behindLines(behind, 'flyq1'), [
    'link set flyq1 up',
    'address add 10.2.0.5/32 dev flyq1',
    'address add 10.2.0.6/32 dev flyq1',
    'address add 2001:db8:10::2/128 dev flyq1 nodad',
    'route add default via 10.2.0.1 dev flyq1 onlink',
    'route add default via 2001:db8:10::1 dev flyq1 onlink',
  ])
  assert.deepEqual(openOf({ services: [tcp(22)], published }), [tcp(22), tcp(8080), tcp(8081)])
})

test('nobody is behind a host that does not forward, nor behind the port of a bridge', () => {
  assert.equal(behindOf({ ...ROUTER, sysctls: {} }), undefined)
  assert.equal(
    behindOf({ ...ROUTER, links: ROUTER.links.map(link => ({ ...link, master: 'br0' })) }),
    undefined,
  )
  const narrow = ROUTER.addresses.map(one => ({ ...one, length: one.address.includes(':') ? 128 : 32 }))
  assert.equal(behindOf({ ...ROUTER, addresses: narrow }), undefined)
})
