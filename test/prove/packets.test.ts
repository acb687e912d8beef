import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum, decode, encode } from '../../src/prove/packets.ts'

test('the checksum is that of RFC 1071 section 3, also over an odd number of bytes', () => {
  assert.equal(checksum(Buffer.from('0001f203f4f5f6f7', 'hex')), 0xffff - 0xddf2)
  assert.equal(checksum(Buffer.from('0001f203f4f5f6f700', 'hex')), 0xffff - 0xddf2)
  assert.equal(checksum(Buffer.from('45', 'hex')), 0xffff - 0x4500)
})

test('an IPv4 SYN, byte by byte', () => {
  const bytes = encode({ source: '192.0.2.1', destination: '198.51.100.2', tcp: 81, from: 1024 })
  const ip = '45000028 00000000 4006 8e99 c0000201 c6336402'
  const tcp = '04000051 0f1e2d3c 00000000 5002faf0 880f 0000'
  assert.equal(bytes.toString('hex'), `${ip}${tcp}`.replaceAll(' ', ''))
})

test('checksums cover addresses, protocol and length (RFC 9293 section 3.1, RFC 8200 section 8.1)', () => {
  for (const [source, destination] of [
    ['192.0.2.1', '198.51.100.2'],
    ['2001:db8::1', '2001:db8::2'],
  ] as const) {
    const six = source.includes(':')
    for (const [carries, protocol] of [
      [{ tcp: 80, flags: 0, data: 'odd' }, 6],
      [{ udp: 53, data: 'odd' }, 17],
      [{ icmp: 8, data: 'odd' }, six ? 58 : 1],
    ] as const) {
      const bytes = encode({ source, destination, ...carries })
      const payload = bytes.subarray(six ? 40 : 20)
      const pseudo = Buffer.concat([
        six ? bytes.subarray(8, 40) : bytes.subarray(12, 20),
        Buffer.from([0, 0, 0, payload.length, 0, 0, 0, protocol]),
      ])
      const covered = protocol === 1 ? payload : Buffer.concat([pseudo, payload])
      assert.equal(checksum(covered), 0, `${source} protocol ${protocol}`)
      if (!six) assert.equal(checksum(bytes.subarray(0, 20)), 0)
    }
  }
})

test('a damaged SYN differs in its checksum alone, and an ICMP error carries the packet that it is about', () => {
  const syn = { source: '192.0.2.1', destination: '198.51.100.2', tcp: 81 }
  const whole = encode(syn)
  const damaged = encode({ ...syn, damaged: true })
  assert.notDeepEqual(damaged.subarray(36, 38), whole.subarray(36, 38))
  damaged.set(whole.subarray(36, 38), 36)
  assert.deepEqual(damaged, whole)

  const error = encode({
    source: '198.51.100.2',
    destination: '192.0.2.1',
    icmp: 3,
    code: 4,
    word: 1400,
    about: syn,
  })
  assert.equal(error.readUInt32BE(24), 1400)
  assert.deepEqual(error.subarray(28), whole)
  assert.equal(checksum(error.subarray(20)), 0)
})

test('what is encoded is decoded', () => {
  const ends = { source: '2001:db8::1', destination: '2001:db8::2' }
  assert.deepEqual(decode(encode({ ...ends, tcp: 1, from: 22, flags: 0x12 })), {
    ...ends,
    kind: 'syn-ack',
    detail: 22,
  })
  assert.deepEqual(decode(encode({ ...ends, tcp: 1, from: 22, flags: 0x14 })), {
    ...ends,
    kind: 'rst',
    detail: 22,
  })
  assert.deepEqual(decode(encode({ ...ends, tcp: 1, from: 22, flags: 0x10 })), {
    ...ends,
    kind: 'tcp',
    detail: 22,
  })
  assert.deepEqual(decode(encode({ ...ends, udp: 1, from: 53 })), { ...ends, kind: 'udp', detail: 53 })
  assert.deepEqual(decode(encode({ ...ends, icmp: 1, code: 4 })), { ...ends, kind: 'icmp', detail: 0x0104 })
  assert.deepEqual(decode(encode({ ...ends, protocol: 132 })), { ...ends, kind: 'protocol', detail: 132 })
  const four = { source: '192.0.2.1', destination: '192.0.2.2' }
  assert.deepEqual(decode(encode({ ...four, icmp: 3, code: 3 })), { ...four, kind: 'icmp', detail: 0x0303 })
})

test('no cut of a packet breaks the decoding', () => {
  for (const ends of [
    { source: '192.0.2.1', destination: '192.0.2.2' },
    { source: '2001:db8::1', destination: '2001:db8::2' },
  ]) {
    const bytes = encode({ ...ends, tcp: 1 })
    for (let length = 0; length < bytes.length; length++)
      assert.doesNotThrow(() => decode(bytes.subarray(0, length)))
  }
  assert.equal(decode(Buffer.alloc(0)), undefined)
})

test('a packet between families is refused', () => {
  assert.throws(() => encode({ source: '192.0.2.1', destination: '2001:db8::2', tcp: 1 }), /differ in family/)
})
