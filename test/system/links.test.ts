/** What routes tell of our links: who belongs where, and what is inside. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link, OnLink } from '../../packages/nfnetlink/src/index.ts'
import { homesOf, insideOf, onLink6Of } from '../../src/system/links.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import { addressKey, keyBytes } from '../../src/terms/address-bytes.ts'

const [LAN, DMZ, WAN, TUNNEL, BRIDGE, WIRE, GUEST] = [2, 3, 4, 5, 6, 7, 8]

function onLink(text: string, device: number): OnLink {
  const [address, length] = text.split('/') as [never, string]
  assert.ok(addressKey(address) !== undefined && parsePrefix(text) !== undefined)
  return { address: keyBytes(address), length: Number(length), device }
}

const routes = (
  links: readonly OnLink[],
  toEverybody: number[] = [],
  toGateways = [WAN],
  uplinks = [WAN],
) => ({
  links,
  toEverybody,
  toGateways,
  uplinks,
})
const homes = (...of: Parameters<typeof routes>) => homesOf(routes(...of)).map(({ prefix }) => prefix.text)

test('each prefix belongs on its link; one on two links on neither; none on the way to everybody', () => {
  const lan = onLink('10.0.0.0/24', LAN)
  const lan6 = onLink('2001:db8:10::/64', LAN)
  assert.deepEqual(homes([lan, lan6, onLink('192.0.2.7/32', DMZ)]), [
    '10.0.0.0/24',
    '2001:db8:10::/64',
    '192.0.2.7',
  ])
  assert.deepEqual(homes([lan, onLink('10.0.0.0/24', DMZ), lan6]), ['2001:db8:10::/64'])
  const three = [lan, onLink('10.0.0.0/24', DMZ), onLink('10.0.0.0/24', WAN)]
  assert.deepEqual(homes(three), [])
  assert.deepEqual(homes([lan, onLink('10.8.0.0/24', TUNNEL)], [TUNNEL]), ['10.0.0.0/24'])
  // A tunnel for everything but private networks: AllowedIPs in pieces.
  for (const piece of ['8.0.0.0/7', '2000::/4'])
    assert.deepEqual(homes([lan, onLink('11.0.0.0/8', TUNNEL), onLink(piece, TUNNEL)]), ['10.0.0.0/24'])
})

test('hosts stick one by one on IPv6 links, whatever else is told of them', () => {
  const links = ['2001:db8:2::/64', '2001:db8:1::/64', '2001:db8:1::9/128', '10.0.0.0/24'].map((text, i) =>
    onLink(text, i % 2 === 0 ? LAN : DMZ),
  )
  const twice = [...links, onLink('2001:db8:1::/64', TUNNEL)]
  assert.deepEqual(
    onLink6Of(routes(twice)).map(({ text }) => text),
    ['2001:db8:1::/64', '2001:db8:2::/64'],
  )
})

test('a way to everybody without a gateway, in whatever pieces, makes nobody a host of a link', () => {
  const single = (...of: Parameters<typeof routes>) => onLink6Of(routes(...of)).map(({ text }) => text)
  const lan = onLink('2001:db8:10::/56', LAN)
  const own = onLink('2001:db8:8::/64', TUNNEL)
  // AllowedIPs of a tunnel that is the way to the world but for one prefix.
  const pieces = ['2000::/16', '2001::/21', '2002::/15', '3000::/4'].map(text => onLink(text, TUNNEL))
  assert.deepEqual(single([lan, own, ...pieces]), ['2001:db8:10::/56', '2001:db8:8::/64'])
  assert.deepEqual(single([lan, own, onLink('2400::/16', TUNNEL)], [TUNNEL]), [
    '2001:db8:10::/56',
    '2001:db8:8::/64',
  ])
  assert.deepEqual(single([onLink('2001:db8::/32', TUNNEL)]), ['2001:db8::/32'], 'the control')
})

test('inside is where no gateway is, and no bridge of guests alone', () => {
  const of = [onLink('10.0.0.0/24', LAN), onLink('172.17.0.0/16', BRIDGE), onLink('192.0.2.0/24', WAN)]
  const inside = (links: readonly Omit<Link, 'isUp'>[], toGateways = [WAN]) =>
    insideOf(routes(of, [], toGateways), links).map(({ text }) => text)
  const link = (device: number, kind?: string, master = 0) => ({ device, kind, master })
  const bridge = link(BRIDGE, 'bridge')
  assert.deepEqual(inside([link(LAN), bridge]), ['10.0.0.0/24'], 'a bridge without ports')
  assert.deepEqual(inside([bridge, link(GUEST, 'veth', BRIDGE), link(9, 'tun', BRIDGE)]), ['10.0.0.0/24'])
  for (const wire of [link(WIRE, undefined, BRIDGE), link(WIRE, 'vlan', BRIDGE), link(WIRE, 'bond', BRIDGE)])
    assert.deepEqual(inside([bridge, link(GUEST, 'veth', BRIDGE), wire]), ['10.0.0.0/24', '172.17.0.0/16'])
  assert.deepEqual(inside([bridge], [WAN, LAN]), [], 'another router on the LAN')
})
