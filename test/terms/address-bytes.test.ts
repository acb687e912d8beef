import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { parseAddress, parsePrefix, prefixAround } from '../../src/terms/address.ts'
import { addressBytes, ipv4Number, ipv6Number, net64Text } from '../../src/terms/address-bytes.ts'

test('the bytes of an address are those that ipaddr.js finds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => {
      const address = parseAddress(text)!
      assert.deepEqual([...addressBytes(address)], ipaddr.parse(address).toByteArray())
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
  test(text, () => assert.deepEqual([...addressBytes(text as never)], bytes))

test('an IPv4 address is a number without a sign', () => {
  assert.equal(ipv4Number('255.255.255.254' as never), 0xffff_fffe)
})

/** Of few different groups, so that runs of zeros are everywhere. */
const ipv6 = fc
  .array(fc.constantFrom('0', '1', 'ff', 'abcd'), { minLength: 8, maxLength: 8 })
  .map(groups => parseAddress(groups.join(':'))!)
  .filter(address => address.includes(':'))

test('the number and the /64 of an IPv6 address', () => {
  fc.assert(
    fc.property(ipv6, address => {
      assert.equal(ipv6Number(address), parsePrefix(address)!.first)
      assert.equal(net64Text(address), prefixAround(address, 64).text)
    }),
  )
})
