import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { covers, parseAddress, parsePrefix, prefixAround } from '../../src/terms/address.ts'
import { addressKey, ipv4Number, net64Text } from '../../src/terms/address-bytes.ts'
import { isIn } from '../../src/terms/prefix-set.ts'

function bytesOf(key: number | Uint8Array): number[] {
  return typeof key === 'number' ? [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255] : [...key]
}

test('the bytes of an address are those that ipaddr.js finds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => {
      const address = parseAddress(text)!
      assert.deepEqual(bytesOf(addressKey(address)), ipaddr.parse(address).toByteArray())
    }),
  )
})

for (const [text, bytes] of [
  ['255.255.255.255', [255, 255, 255, 255]],
  ['0.0.0.0', [0, 0, 0, 0]],
  ['::', Array(16).fill(0)],
  ['1::', [0, 1, ...Array(14).fill(0)]],
  ['::ffff:192.0.2.1', [...Array(10).fill(0), 255, 255, 192, 0, 2, 1]],
  ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
] as const)
  test(text, () => assert.deepEqual(bytesOf(addressKey(text as never)), bytes))

test('an IPv4 address is a number without a sign', () => {
  assert.equal(ipv4Number('255.255.255.254' as never), 0xffff_fffe)
})

/** Of few different groups, so that runs of zeros are everywhere. */
const ipv6 = fc
  .array(fc.constantFrom('0', '1', 'ff', 'abcd'), { minLength: 8, maxLength: 8 })
  .map(groups => parseAddress(groups.join(':'))!)
  .filter(address => address.includes(':'))

test('the /64 of an IPv6 address', () => {
  fc.assert(fc.property(ipv6, address => assert.equal(net64Text(address), prefixAround(address, 64).text)))
})

test('an address is in those prefixes that cover it', () => {
  const nearby = fc.tuple(ipv6, ipv6, fc.integer({ min: 0, max: 128 }))
  fc.assert(
    fc.property(nearby, ([address, other, length]) => {
      const prefix = prefixAround(other, length)
      assert.equal(isIn(address, [prefix]), covers(prefix, parsePrefix(address)!))
      assert.ok(isIn(address, [prefixAround(address, length)]))
    }),
  )
})
