import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { formatIPv4, formatIPv6 } from '../../src/decode/address.ts'
import { parseAddress } from '../../src/terms/address.ts'

/** Sixteen bytes in which zero groups are as common as in real addresses. */
const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xff), fc.nat(0xffff)), {
    minLength: 8,
    maxLength: 8,
  })
  .map(groups => Uint8Array.from(groups.flatMap(group => [group >> 8, group & 0xff])))

test('IPv4 is the canonical text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), bytes => {
      const text = formatIPv4(bytes, 0)
      assert.equal(text, parseAddress(text))
      assert.deepEqual(ipaddr.parse(text).toByteArray(), [...bytes])
    }),
  )
})

test('IPv6 is the canonical text', () => {
  fc.assert(
    fc.property(ipv6Bytes, bytes => {
      const value = ipaddr.fromByteArray([...bytes]) as ipaddr.IPv6
      fc.pre(!value.isIPv4MappedAddress())
      const text = formatIPv6(bytes, 0)
      assert.equal(text, parseAddress(text))
      assert.equal(text, value.toRFC5952String())
    }),
    { numRuns: 2000 },
  )
})

test('the examples of RFC 5952', () => {
  const cases: [string, string][] = [
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
  ]
  for (const [hex, text] of cases) assert.equal(formatIPv6(Buffer.from(hex, 'hex'), 0), text)
})

test('an IPv4-mapped source on the wire stays IPv6; parseAddress means the IPv4 host', () => {
  const text = formatIPv6(Buffer.from('aa00000000000000000000ffffc0000201', 'hex'), 1)
  assert.equal(text, '::ffff:192.0.2.1')
  assert.equal(parseAddress(text), '192.0.2.1')
  assert.equal(
    formatIPv6(Buffer.from('000000000000ffff0000ffffc0000201', 'hex'), 0),
    '::ffff:0:ffff:c000:201',
  )
})
