import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { overlaps, parseAddress, parsePrefix, prefixAround } from '../../src/terms/address.ts'
import { addressKey } from '../../src/terms/address-bytes.ts'
import { type Fly, meets } from '../../src/terms/fly.ts'
import { isIn, prefixSet } from '../../src/terms/prefix-set.ts'

const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(text => parseAddress(text)!)

/** Prefixes of few different bits, so that they often nest, touch and repeat. */
const crowded = fc
  .tuple(
    fc.constantFrom('192.0.2.0', '192.0.2.128', '255.255.255.255', '2001:db8::', '2001:db8::8000', '::'),
    fc.nat(128),
  )
  .map(([text, length]) => prefixAround(parseAddress(text)!, Math.min(length, text.includes(':') ? 128 : 32)))
const host = fc.oneof(
  address,
  crowded.map(({ text }) => parseAddress(text.split('/')[0]!)!),
)

test('an address is in a list when a prefix of either family, whatever else there is, covers it', () => {
  fc.assert(
    fc.property(fc.array(crowded), host, (list, one) => {
      const expected = list.some(prefix => overlaps(prefix, parsePrefix(one)!))
      assert.equal(isIn(one, list), expected)
      assert.equal(isIn(one, list), expected, 'asked again')
      assert.equal(prefixSet(list).has(addressKey(one)), expected)
    }),
  )
})

test('a prefix or a fly is met when one of the list overlaps it', () => {
  fc.assert(
    fc.property(fc.array(crowded), crowded, (list, one) => {
      const expected = list.some(prefix => overlaps(prefix, one))
      assert.equal(prefixSet(list).overlaps(one), expected)
      assert.equal(meets(one.text as string as Fly, prefixSet(list)), expected)
    }),
  )
})

test('words are an IPv4 address, a /64, or an IPv6 address', () => {
  const set = prefixSet([parsePrefix('192.0.2.0/24')!, parsePrefix('2001:db8:1:2::8000:0/97')!])
  assert.ok(set.meets([0xc000_0207]))
  assert.ok(!set.meets([0xc000_0307]))
  assert.ok(set.meets([0x2001_0db8, 0x0001_0002]))
  assert.ok(!set.meets([0x2001_0db8, 0x0001_0003]))
  assert.ok(set.meets([0x2001_0db8, 0x0001_0002, 0, 0x8000_0001]))
  assert.ok(!set.meets([0x2001_0db8, 0x0001_0002, 0, 0x7fff_ffff]))
  assert.ok(!prefixSet([]).meets([0]))
})
