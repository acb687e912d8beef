import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  familyOf,
  mergePrefixes,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixAround,
} from '../../src/terms/address.ts'
import { isIn } from '../../src/terms/prefix-set.ts'

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6()
const address = fc.oneof(ipv4, ipv6).map(text => parseAddress(text)!)

/** Prefixes of few different bits, so that they often nest, touch and repeat. */
const crowded = fc
  .tuple(
    fc.constantFrom('192.0.2.0', '192.0.2.128', '10.0.0.3', '2001:db8::', '2001:db8::8000', '::'),
    fc.nat(128),
  )
  .map(([text, length]) => prefixAround(parseAddress(text)!, Math.min(length, text.includes(':') ? 128 : 32)))

const addresses: [text: string, expected: string | undefined][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['0.0.0.0', '0.0.0.0'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::', '::'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '192.0.2.7'],
  ['::192.0.2.7', '::c000:207'],
  ['64:ff9b::192.0.2.7', '64:ff9b::c000:207'],
  ['', undefined],
  ['127.1', undefined],
  ['0x7f000001', undefined],
  ['2130706433', undefined],
  ['010.0.0.1', undefined],
  ['::ffff:010.0.0.1', undefined],
  ['::0x1.2.3.4', undefined],
  ['256.0.0.1', undefined],
  ['::256.0.0.1', undefined],
  ['192.0.2.7 ', undefined],
  ['192.0.2.7\n', undefined],
  ['192.0.2.7:80', undefined],
  ['[::1]', undefined],
  ['fe80::1%eth0', undefined],
  ['1::2::3', undefined],
  ['12345::', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['１.2.3.4', undefined],
  ['example.org', undefined],
]

for (const [text, expected] of addresses) {
  test(`reads ${JSON.stringify(text)} as ${expected ?? 'no address'}`, () =>
    assert.equal(parseAddress(text), expected))
}

const prefixes: [text: string, expected: string | undefined][] = [
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7/32', '192.0.2.7'],
  ['2001:DB8:0::/32', '2001:db8::/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::/0', '::/0'],
  ['192.0.2.7/24', undefined],
  ['2001:db8::1/32', undefined],
  ['192.0.2.0/33', undefined],
  ['2001:db8::/129', undefined],
  ['192.0.2.0/', undefined],
  ['192.0.2.0/-1', undefined],
  ['192.0.2.0/24/24', undefined],
  ['192.0.2.0/255.255.255.0', undefined],
]

for (const [text, expected] of prefixes) {
  test(`reads ${JSON.stringify(text)} as ${expected ?? 'no prefix'}`, () =>
    assert.equal(parsePrefix(text)?.text, expected))
}

test('an address in canonical form is read as itself', () => {
  fc.assert(fc.property(address, text => assert.equal(parseAddress(text), text)))
})

test('the canonical form of IPv6 is the one that URL writes', () => {
  const url = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const expected = (text: string) => (url(text).startsWith('::ffff:') ? undefined : url(text))
  fc.assert(
    fc.property(ipv6, text => {
      fc.pre(expected(text) !== undefined)
      assert.equal(parseAddress(text), expected(text))
    }),
  )
})

test('no text makes reading throw', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdefx:./% ') })
  fc.assert(
    fc.property(text, it => {
      const read = parseAddress(it)
      assert.ok(read === undefined || parseAddress(read) === read)
      const prefix = parsePrefix(it)
      assert.ok(prefix === undefined || parsePrefix(prefix.text)?.text === prefix.text)
    }),
    { numRuns: 2000 },
  )
})

test('a prefix is read back from its text, and holds the address that it was made around', () => {
  fc.assert(
    fc.property(address, fc.nat(128), (inside, wanted) => {
      const length = Math.min(wanted, familyOf(inside) === 4 ? 32 : 128)
      const prefix = prefixAround(inside, length)
      assert.deepEqual(parsePrefix(prefix.text), prefix)
      assert.ok(isIn(inside, [prefix]))
      assert.equal(prefix.last - prefix.first + 1n, 1n << BigInt((prefix.family === 4 ? 32 : 128) - length))
    }),
  )
})

test('an address of the other family is never in a prefix', () => {
  assert.ok(!isIn(parseAddress('0.0.0.1')!, [parsePrefix('::/0')!]))
  assert.ok(!isIn(parseAddress('::1')!, [parsePrefix('0.0.0.0/0')!]))
})

test('merged prefixes do not overlap, come from the given ones, and cover each of them', () => {
  fc.assert(
    fc.property(fc.array(crowded, { maxLength: 12 }), given => {
      const merged = mergePrefixes(given)
      assert.ok(merged.every((one, i) => merged.every((other, j) => i === j || !overlaps(one, other))))
      assert.ok(merged.every(prefix => given.includes(prefix)))
      assert.ok(given.every(prefix => merged.some(other => covers(other, prefix))))
    }),
  )
})

test('merging leaves what only touches, and takes the wider one of what nests', () => {
  const given = [
    '192.0.2.128/25',
    '192.0.2.0/25',
    '192.0.2.7',
    '10.1.0.0/16',
    '10.0.0.0/8',
    '10.0.0.0/8',
    '::/0',
  ]
  assert.deepEqual(
    mergePrefixes(given.map(text => parsePrefix(text)!)).map(prefix => prefix.text),
    ['10.0.0.0/8', '192.0.2.0/25', '192.0.2.128/25', '::/0'],
  )
})

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last
}
