/** Routes and addresses of a real network namespace, of all kinds and in great numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { ROUTES_MAX, type Routes, readAddresses, readRoutes, readRoutesLater } from '../src/index.ts'
import { command } from './command.ts'

const text = (bytes: Uint8Array) =>
  bytes.length === 4 ? bytes.join('.') : Buffer.from(bytes).toString('hex').replace(/0+$/, '')
const linksOf = ({ links }: Routes) =>
  links.map(({ address, length, device }) => `${text(address)}/${length} ${device}`).sort()
const gateways = ({ gateways }: Routes) => gateways.map(text).sort()
const run = (lines: string) => {
  for (const line of lines.trim().split('\n')) command(line.trim())
}
/** The indexes of the interfaces. */
const [, A, B] = [1, 2, 3]

describeInNamespace(import.meta.url, () => {
  run(`ip link set lo up
    ip link add veth-a index ${A} type veth peer name veth-b index ${B}
    ip link set veth-b addrgenmode none
    ip link set veth-a addrgenmode none
    ip address add 192.0.2.1/16 dev veth-a
    ip -6 address add 2001:db8:1::1/64 dev veth-a nodad
    ip link set veth-a up
    ip link set veth-b up`)

  test('next hops, uplinks and links of all tables; what leads nowhere has none', async () => {
    const before = readRoutes()
    assert.deepEqual([gateways(before), before.uplinks], [[], []])
    assert.deepEqual(linksOf(before), [`192.0.0.0/16 ${A}`, `20010db80001/64 ${A}`])
    assert.deepEqual([before.toGateways, before.toEverybody], [[], []])
    run(`ip route add blackhole 10.1.0.0/16
      ip route add unreachable default metric 9999
      ip -6 route add unreachable default metric 9999
      ip -6 route add blackhole 2001:db8:9::/48
      ip route add local 10.9.0.0/16 dev lo
      ip route add 10.2.0.0/16 via 192.0.2.2
      ip route add 10.3.0.0/16 nexthop via 192.0.2.3 nexthop via 192.0.2.4
      ip route add 10.4.0.0/16 via inet6 2001:db8:1::5
      ip -6 route add 2001:db8:4::/48 dev veth-a table 300
      ip route add 192.0.2.77 dev veth-b table 300
      ip route add 239.0.0.0/8 dev veth-b
      ip nexthop add id 7 blackhole
      ip nexthop add id 8 via 192.0.2.8 dev veth-a`)
    const some = readRoutes()
    assert.deepEqual(
      gateways(some),
      ['192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.8', text(six(5))].sort(),
    )
    assert.deepEqual(some.uplinks, [])
    assert.deepEqual(linksOf(some), [
      `192.0.0.0/16 ${A}`,
      `192.0.2.77/32 ${B}`,
      `20010db80001/64 ${A}`,
      `20010db80004/48 ${A}`,
    ])
    assert.deepEqual([some.toGateways, some.toEverybody], [[A], []])
    assert.deepEqual(await readRoutesLater(), some)
  })

  for (const [what, add, device] of [
    ['in a table of its own', 'route add default via 192.0.2.9 table 77', A],
    [
      'by two gateways',
      'route add default table 77 nexthop via 192.0.2.9 dev veth-a nexthop via 192.0.2.10 dev veth-a',
      A,
    ],
    ['without a gateway', '-6 route add default dev veth-b table 77', B],
    ['by a nexthop object', 'route add default nhid 8 table 77', A],
    ['in halves', 'route add 128.0.0.0/1 via 192.0.2.9 table 77', A],
    ['as all that is given out', '-6 route add 2000::/3 dev veth-b table 77', B],
  ] as const)
    test(`a default route ${what}`, () => {
      for (const mode of [0, 1]) {
        command(`sysctl -qw net.ipv4.nexthop_compat_mode=${mode}`)
        command(`ip ${add}`)
        const { uplinks, links, toEverybody } = readRoutes()
        command(`ip ${add.replace(' add ', ' del ')}`)
        assert.deepEqual(uplinks, [device])
        assert.ok(links.every(({ length }) => length > 3))
        assert.deepEqual(toEverybody, device === B ? [B] : [])
      }
    })

  test('many routes: their gateways once each, and those of default routes whatever else there is', async () => {
    const routes = (count: number, gateway: (i: number) => string) =>
      Array.from(
        { length: count },
        (_, i) => `route add 11.${i >> 8}.${i & 255}.0/24 via ${gateway(i)}`,
      ).join('\n')
    command(
      'ip -batch -',
      routes(9000, i => `192.0.3.${i % 200}`),
    )
    const many = readRoutes()
    assert.deepEqual([many.gateways.length, many.cut], [205, []])
    command('ip route flush root 11.0.0.0/8')

    command(
      'ip -batch -',
      routes(ROUTES_MAX + 100, i => `192.0.${16 + (i >> 8)}.${i & 255}`),
    )
    command('ip route add default via 192.0.2.254 table 4000000000')
    for (const most of [readRoutes(), await readRoutesLater()]) {
      assert.deepEqual([text(most.gateways[0]!), most.cut], ['192.0.2.254', ['gateways']])
      assert.equal(most.gateways.length, ROUTES_MAX + 1)
    }
  })

  test('addresses: also of an interface that is down, and the other end of a point-to-point link', () => {
    run(`ip link add veth-c index 9 type veth peer name veth-d
      ip address add 198.51.100.1/24 dev veth-c
      ip address add 203.0.113.1 peer 203.0.113.2/32 dev veth-c`)
    const found = readAddresses().filter(({ device }) => device === 9)
    assert.deepEqual(
      found.map(({ local, peer }) => [text(local), peer && text(peer)]),
      [
        ['198.51.100.1', undefined],
        ['203.0.113.1', '203.0.113.2'],
      ],
    )
    assert.deepEqual(
      readAddresses()
        .filter(({ device }) => device === A)
        .map(({ local }) => text(local)),
      ['192.0.2.1', text(six(1))],
    )
  })
})

function six(last: number): Uint8Array {
  return Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 1, ...Array(9).fill(0), last)
}
