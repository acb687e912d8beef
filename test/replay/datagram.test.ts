/** From frames to what is sent again: links, cut and damaged packets, offloaded ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode, type Outgoing } from '../../src/prove/packets.ts'
import { type Datagram, datagramOf } from '../../src/replay/datagram.ts'
import { ipOf } from '../../src/replay/link-layer.ts'
import { ethernet } from '../support/capture-files.ts'

const V4 = { source: '203.0.113.5', destination: '192.0.2.1' }
const V6 = { source: '2001:db8::5', destination: '2001:db8:1::1' }
const SYN: Outgoing = { ...V4, tcp: 22, from: 40_000 }

test('what each link puts in front is taken off', () => {
  for (const one of [SYN, { ...V6, udp: 53 }]) {
    const ip = encode(one)
    const type = Buffer.from(ip[0]! >> 4 === 6 ? [0x86, 0xdd] : [8, 0])
    const pppoe = Buffer.from([0x88, 0x64, 0x11, 0, 0, 1, 0, 0, 0, ip[0]! >> 4 === 6 ? 0x57 : 0x21])
    const frames: [link: number, frame: Buffer][] = [
      [0, Buffer.concat([Buffer.from([2, 0, 0, 0]), ip])],
      [1, ethernet(ip)],
      [1, ethernet(ip, 2)],
      [1, Buffer.concat([Buffer.alloc(12), pppoe, ip])],
      [12, ip],
      [14, ip],
      [101, ip],
      [108, Buffer.concat([Buffer.from([0, 0, 0, 2]), ip])],
      [113, Buffer.concat([Buffer.alloc(14), type, ip])],
      [228, ip],
      [229, ip],
      [276, Buffer.concat([type, Buffer.alloc(18), ip])],
    ]
    for (const [link, frame] of frames) assert.deepEqual(ipOf(link, frame), ip, `link type ${link}`)
  }
  assert.equal(ipOf(127, encode(SYN)), 'link')
  assert.equal(ipOf(1, Buffer.concat([Buffer.alloc(12), Buffer.from([8, 6]), Buffer.alloc(28)])), 'not-ip')
  assert.equal(ipOf(101, Buffer.from([0])), 'not-ip')
  for (const [link, length] of [
    [0, 4],
    [1, 13],
    [1, 14],
    [113, 15],
    [276, 19],
  ] as const)
    assert.equal(ipOf(link, ethernet(encode(SYN)).subarray(0, length)), 'cut', `link type ${link}`)
  assert.equal(ipOf(1, ethernet(encode(SYN), 2).subarray(0, 20)), 'cut')
})

function made(bytes: Buffer): Datagram {
  const packet = datagramOf(bytes)
  if (typeof packet === 'string') throw new Error(packet)
  return packet
}

test('a whole packet stays as it is, without the padding of its link', () => {
  for (const one of [
    SYN,
    { ...V6, tcp: 22 },
    { ...V4, udp: 53, data: 'x' },
    { ...V4, icmp: 8 },
    { ...V6, icmp: 128 },
  ]) {
    const bytes = encode(one)
    const packet = made(Buffer.concat([bytes, Buffer.alloc(6, 7)]))
    assert.deepEqual(packet.bytes, bytes)
    assert.deepEqual([packet.source, packet.destination], [one.source, one.destination])
    assert.deepEqual([packet.isMade, packet.isSound, packet.isFragment], [false, true, false])
  }
  assert.deepEqual(made(encode(SYN)).tried, { kind: 'tcp', port: 22, from: 40_000, flags: 2 })
  assert.equal(made(encode({ ...SYN, damaged: true })).isSound, false)
})

test('whose headers alone are there gets zeros for its data, and a right checksum', () => {
  for (const ends of [V4, V6])
    for (const [carried, header] of [
      [{ tcp: 22 }, 20],
      [{ udp: 53 }, 8],
    ] as const) {
      const whole = encode({ ...ends, ...carried, data: 'a long answer' })
      const headers = whole.length - 'a long answer'.length
      const packet = made(whole.subarray(0, headers))
      assert.equal(packet.bytes.length, whole.length)
      assert.deepEqual([packet.isMade, made(packet.bytes).isSound], [true, true])
      assert.equal(datagramOf(whole.subarray(0, headers - 1)), 'cut', `${header}`)
    }
  assert.equal(datagramOf(encode(SYN).subarray(0, 19)), 'cut')
  assert.equal(datagramOf(encode({ ...V6, tcp: 1 }).subarray(0, 39)), 'cut')
  const options = encode({ ...V6, tcp: 1, options: 8, data: 'x' })
  assert.equal(datagramOf(options.subarray(0, -1)), 'cut', 'behind extension headers')
})

test('fragments have no port, damaged headers are damaged, and offloaded lengths are filled in', () => {
  const first = made(encode({ ...SYN, data: 'x'.repeat(40), piece: [0, 32] }))
  assert.deepEqual([first.isFragment, first.tried?.kind, first.isSound], [true, 'tcp', undefined])
  const later = made(encode({ ...SYN, data: 'x'.repeat(40), piece: [32, 60] }))
  assert.deepEqual([later.isFragment, later.tried], [true, undefined])
  assert.equal(made(encode({ ...V6, tcp: 9, data: 'x'.repeat(40), piece: [0, 32] })).isFragment, true)
  const short = encode(SYN)
  short[0] = 0x44
  assert.equal(datagramOf(short), 'damaged')
  const lying = encode(SYN)
  lying.writeUInt16BE(19, 2)
  assert.equal(datagramOf(lying), 'damaged')
  for (const [ends, at] of [
    [V4, 2],
    [V6, 4],
  ] as const) {
    const offloaded = encode({ ...ends, tcp: 443, data: 'x'.repeat(3_000) })
    offloaded.writeUInt16BE(0, at)
    const packet = made(offloaded)
    assert.deepEqual([packet.bytes.length, packet.isMade], [offloaded.length, true])
    if (at === 4) assert.equal(made(packet.bytes).isSound, true)
  }
})

test('whatever the bytes are: no exception, and no packet longer than IP has', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
  const links = fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 127)
  fc.assert(
    fc.property(links, bytes, fc.constantFrom(0x45, 0x60, 0x46), (link, some, version) => {
      const frame = Buffer.from(some)
      frame[0] = version
      for (const ip of [ipOf(link, frame), frame]) {
        const packet = typeof ip === 'string' ? ip : datagramOf(ip)
        if (typeof packet !== 'string') assert.ok(packet.bytes.length <= 65_535)
      }
    }),
    { numRuns: 3_000 },
  )
})
