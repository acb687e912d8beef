import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode } from '../../src/decode/decode.ts'
import { parseAddress } from '../../src/terms/address.ts'
import { authentication, extension, fragment, ipv4, ipv6, joined, ports, tcp } from './packets.ts'
import recorded from './recorded.json' with { type: 'json' }

const SYN = tcp(1, 2, 2)
const VALID = [
  ipv4(6, SYN),
  ipv4(6, SYN, { options: new Uint8Array(40) }),
  ipv4(17, ports(1, 2), { fragment: 0x2000 }),
  ipv4(1, Uint8Array.of(8, 0)),
  ipv6(6, SYN),
  ipv6(0, joined(extension(43), extension(44, 2), fragment(51, 0), authentication(60), extension(6, 3), SYN)),
  ipv6(60, joined(...Array.from({ length: 8 }, () => extension(60)), SYN)),
]

/** What real scanners sent: see record.ts. */
const RECORDED = Object.values(recorded).flatMap(packets =>
  packets.map(hex => Uint8Array.from(Buffer.from(hex, 'hex'))),
)

const mutated = fc
  .tuple(
    fc.constantFrom(...VALID, ...RECORDED),
    fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 5 }),
    fc.nat(130),
  )
  .map(([valid, changes, length]) => {
    const bytes = valid.slice(0, length)
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return bytes
  })

test('any bytes, truncated and mutated packets: an answer, and nothing from outside of the bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), fc.nat(255), (bytes, filler) => {
      const answer = decode(bytes)
      // The same bytes as a view into a larger block, the neighbours of which would show in the answer.
      const block = new Uint8Array(bytes.length + 64).fill(filler)
      block.set(bytes, 32)
      assert.deepEqual(decode(block.subarray(32, 32 + bytes.length)), answer)
      if ('unreadable' in answer) return
      for (const address of [answer.source, answer.destination])
        assert.ok(parseAddress(address) === address || address.startsWith('::ffff:'))
      for (const [name, value] of Object.entries(answer.tried))
        assert.ok(name === 'kind' || name === 'hidden' || isUint16(value), name)
    }),
    { numRuns: 5000 },
  )
})

test('recorded scans are read, whole and cut off at every byte', () => {
  const kinds = new Set<string>()
  for (const bytes of RECORDED) {
    const whole = decode(bytes)
    kinds.add(
      'unreadable' in whole ? whole.unreadable : 'hidden' in whole.tried ? 'hidden' : whole.tried.kind,
    )
    for (let length = 0; length < bytes.length; length++) {
      const cut = decode(bytes.subarray(0, length))
      // A cut packet is what it was as soon as its ports can be read, and unreadable or hidden before.
      const isRead = !('unreadable' in cut) && !('hidden' in cut.tried)
      assert.deepEqual(isRead ? cut : whole, whole)
    }
  }
  assert.deepEqual([...kinds].sort(), [
    'fragment',
    'hidden',
    'icmp',
    'icmpv6',
    'protocol',
    'sctp',
    'tcp',
    'udp',
  ])
})

test('bytes that follow what is needed change nothing', () => {
  fc.assert(
    fc.property(fc.constantFrom(...VALID), fc.uint8Array({ maxLength: 64 }), (valid, more) => {
      assert.deepEqual(decode(joined(valid, more)), decode(valid))
    }),
  )
})

function isUint16(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff
}
