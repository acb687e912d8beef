/** The prefix of DNS64, from the addresses of the well-known name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nat64Prefixes } from '../../src/system/nat64.ts'
import type { Address } from '../../src/terms/address.ts'

const prefixes = (...addresses: string[]) => nat64Prefixes(addresses as Address[]).map(({ text }) => text)

test('prefixes of all lengths are found (RFC 6052), each once; what is none is none', () => {
  assert.deepEqual(prefixes('2001:db8:64::c000:aa', '2001:db8:64::c000:ab'), ['2001:db8:64::/96'])
  assert.deepEqual(prefixes('64:ff9b::c000:aa'), ['64:ff9b::/96'])
  for (const [address, prefix] of [
    ['2001:db8:c000:aa::', '2001:db8::/32'],
    ['2001:db8:1c0:0:aa::', '2001:db8:100::/40'],
    ['2001:db8:122:c000:0:aa00::', '2001:db8:122::/48'],
    ['2001:db8:122:3c0:0:aa::', '2001:db8:122:300::/56'],
    ['2001:db8:122:344:c0:0:aa00:0', '2001:db8:122:344::/64'],
  ] as const)
    assert.deepEqual(prefixes(address), [prefix], address)
  assert.deepEqual(prefixes('2001:db8::1', '::1', '192.0.0.170'), [])
})
