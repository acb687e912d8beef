import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, HEADERS_MAX, headOf, MOST_EXTENSION_HEADERS } from '../../src/decode/decode.ts'
import { authentication, extension, fragment, ipv4, ipv6, joined, ports, tcp } from './packets.ts'

const V4 = { source: '192.0.2.1', destination: '198.51.100.20' }
const V6 = { source: '2001:db8::1', destination: '2001:db8::2' }
const SYN = tcp(40_000, 20_000, 0x02)
const SYN_TRIED = { kind: 'tcp', port: 20_000, from: 40_000, flags: 2 }

describe('IPv4', () => {
  test('TCP, with and without options', () => {
    assert.deepEqual(decode(ipv4(6, SYN)), { ...V4, tried: SYN_TRIED })
    assert.deepEqual(decode(ipv4(6, SYN, { options: new Uint8Array(40) })), { ...V4, tried: SYN_TRIED })
  })

  test('UDP, SCTP, ICMP', () => {
    assert.deepEqual(decode(ipv4(17, ports(53, 65_535))), {
      ...V4,
      tried: { kind: 'udp', port: 65_535, from: 53 },
    })
    assert.deepEqual(decode(ipv4(132, ports(7, 9))), { ...V4, tried: { kind: 'sctp', port: 9, from: 7 } })
    assert.deepEqual(decode(ipv4(1, Uint8Array.of(8, 3))), {
      ...V4,
      tried: { kind: 'icmp', type: 8, code: 3 },
    })
  })

  test('everything else is a protocol: GRE, UDP-Lite, ICMPv6, with or without a body', () => {
    for (const number of [47, 136, 58, 0, 255]) {
      assert.deepEqual(decode(ipv4(number, ports(1, 2))), { ...V4, tried: { kind: 'protocol', number } })
      assert.deepEqual(decode(ipv4(number, new Uint8Array(0))), {
        ...V4,
        tried: { kind: 'protocol', number },
      })
    }
  })

  test('the first fragment is read, the others have no port', () => {
    assert.deepEqual(decode(ipv4(6, SYN, { fragment: 0x2000 })), { ...V4, tried: SYN_TRIED })
    assert.deepEqual(decode(ipv4(6, SYN, { fragment: 0x2001 })), { unreadable: 'fragment' })
    assert.deepEqual(decode(ipv4(6, SYN, { fragment: 0x0100 })), { unreadable: 'fragment' })
  })

  test('a header length below 20 or beyond the bytes', () => {
    const bytes = ipv4(6, SYN)
    for (const words of [0, 4, 11, 15]) {
      bytes[0] = 0x40 | words
      assert.deepEqual(decode(bytes), { unreadable: 'ip-header' }, `${words} words`)
    }
  })
})

describe('IPv6', () => {
  test('TCP, UDP, ICMPv6 and others', () => {
    assert.deepEqual(decode(ipv6(6, SYN)), { ...V6, tried: SYN_TRIED })
    assert.deepEqual(decode(ipv6(17, ports(1, 2))), { ...V6, tried: { kind: 'udp', port: 2, from: 1 } })
    assert.deepEqual(decode(ipv6(58, Uint8Array.of(135, 0))), {
      ...V6,
      tried: { kind: 'icmpv6', type: 135, code: 0 },
    })
    for (const number of [1, 50, 59, 136])
      assert.deepEqual(decode(ipv6(number, new Uint8Array(0))), {
        ...V6,
        tried: { kind: 'protocol', number },
      })
  })

  test('behind every extension header that we know', () => {
    const rest = joined(
      extension(43),
      extension(60, 2),
      extension(44),
      fragment(51, 0),
      authentication(60),
      extension(6, 3),
      SYN,
    )
    assert.deepEqual(decode(ipv6(0, rest)), { ...V6, tried: SYN_TRIED })
  })

  test('a later fragment', () => {
    assert.deepEqual(decode(ipv6(44, joined(fragment(6, 1), SYN))), { unreadable: 'fragment' })
  })

  test('more extension headers than anybody sends, fewer bytes than they claim', () => {
    const chain = (count: number) =>
      joined(...Array.from({ length: count }, (_, i) => extension(i === count - 1 ? 6 : 60)), SYN)
    assert.deepEqual(decode(ipv6(60, chain(MOST_EXTENSION_HEADERS))), { ...V6, tried: SYN_TRIED })
    assert.deepEqual(decode(ipv6(60, chain(MOST_EXTENSION_HEADERS + 1))), { ...V6, tried: hidden(60) })
    const claims = extension(47)
    claims[1] = 200
    assert.deepEqual(decode(ipv6(0, joined(claims, SYN))), { ...V6, tried: hidden(0) })
  })
})

const hidden = (number: number) => ({ kind: 'protocol', number, hidden: true }) as const

test('no packet at all', () => {
  assert.deepEqual(decode(new Uint8Array(0)), { unreadable: 'empty' })
  for (const version of [0, 5, 7, 15])
    assert.deepEqual(decode(Uint8Array.of(version << 4, 0, 0)), { unreadable: 'version' })
})

test('cut off: each prefix is named by the header that it ends in', () => {
  const names = (bytes: Uint8Array) =>
    Array.from({ length: bytes.length + 1 }, (_, length) => {
      const read = decode(bytes.subarray(0, length))
      if ('unreadable' in read) return read.unreadable
      return 'hidden' in read.tried ? `hidden ${read.tried.number}` : read.tried.kind
    })
  const runs = (bytes: Uint8Array) =>
    Object.entries(Object.groupBy(names(bytes), name => name)).map(([name, all]) => `${name} ${all!.length}`)
  assert.deepEqual(runs(ipv4(6, SYN)), ['empty 1', 'ip-header 19', 'hidden 6 14', 'tcp 7'])
  assert.deepEqual(runs(ipv6(0, joined(extension(17), ports(1, 2)))), [
    'empty 1',
    'ip-header 39',
    'hidden 0 8',
    'hidden 17 4',
    'udp 5',
  ])
})

test('what waits of a packet is read as the whole of it, and is short', () => {
  const chains = [
    [extension(60, 30), extension(6, 255)],
    [extension(60, 255), extension(43, 255), extension(60, 255), extension(44, 255), fragment(6, 0)],
    [extension(6, 24)],
  ]
  for (const chain of chains) {
    const first = [0, 0, 60][chains.indexOf(chain)]!
    const whole = ipv6(first, joined(...chain, SYN, new Uint8Array(2000)))
    assert.ok(whole.length <= HEADERS_MAX + 2000)
    assert.deepEqual(decode(whole), { ...V6, tried: SYN_TRIED })
    for (let length = 0; length <= whole.length; length++) {
      const bytes = whole.subarray(0, length)
      const head = headOf(bytes)
      assert.ok(head.length <= 256)
      const [read, expected] = [decode(head), decode(bytes)]
      // Of headers that are hidden anyway the last that is read may be another.
      if ('tried' in expected && 'hidden' in expected.tried)
        assert.ok('tried' in read && 'hidden' in read.tried)
      else assert.deepEqual(read, expected)
    }
  }
  assert.equal(headOf(ipv4(6, joined(SYN, new Uint8Array(1000)))).length, 256)
  const later = ipv6(44, joined(fragment(6, 1), new Uint8Array(1000)))
  assert.deepEqual(decode(headOf(later)), { unreadable: 'fragment' })
})
