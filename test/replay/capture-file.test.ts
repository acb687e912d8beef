/** Capture files of all kinds, whole, cut off and damaged; and bytes of which nobody knows what they are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Frame, INTERFACES_MAX, readCaptureFile } from '../../src/replay/capture-file.ts'
import { pcap, pcapng } from '../support/capture-files.ts'

const PACKETS = [
  { at: 1_700_000_000.25, bytes: Buffer.from('one') },
  { at: 1_700_000_001.5, bytes: Buffer.from('three'), length: 900 },
]

function read(bytes: Buffer) {
  const frames: Frame[] = []
  const fault = readCaptureFile(bytes, frame => frames.push(frame))
  return { frames, fault }
}

test('pcap and pcapng of both byte orders, in microseconds and nanoseconds', () => {
  for (const write of [pcap, pcapng])
    for (const isBig of [false, true])
      for (const isNano of [false, true]) {
        const { frames, fault } = read(write(PACKETS, { isBig, isNano, link: 113 }))
        assert.equal(fault, undefined)
        assert.deepEqual(
          frames.map(({ number, at, link, bytes }) => [number, Math.round(at!), link, String(bytes)]),
          [
            [1, 1_700_000_000_250, 113, 'one'],
            [2, 1_700_000_001_500, 113, 'three'],
          ],
          `${write.name} ${isBig} ${isNano}`,
        )
      }
})

test('simple blocks have no time, and end at the packet, not at the padding', () => {
  const { frames, fault } = read(pcapng([{ bytes: Buffer.from('one') }], { isSimple: true }))
  assert.equal(fault, undefined)
  assert.deepEqual(
    frames.map(({ at, bytes }) => [at, String(bytes)]),
    [[undefined, 'one']],
  )
})

test('a second section has its own byte order and interfaces', () => {
  const { frames, fault } = read(
    Buffer.concat([pcapng(PACKETS, { link: 1 }), pcapng(PACKETS, { isBig: true, link: 113 })]),
  )
  assert.equal(fault, undefined)
  assert.deepEqual(
    frames.map(({ number, link }) => [number, link]),
    [
      [1, 1],
      [2, 1],
      [3, 113],
      [4, 113],
    ],
  )
})

test('what is no capture file, or not a whole one, is said; what is before that is read', () => {
  const refused: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /too short/],
    [Buffer.from('#!/bin/sh\nexit 0\n'), /neither as pcap nor as pcapng/],
    [Buffer.from([0x1f, 0x8b, 8, 0]), /compressed: unpack it/],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), /compressed/],
    [pcap([]).subarray(0, 20), /header is cut off/],
    [pcapng([]).subarray(0, 14), /damaged/],
  ]
  for (const [bytes, why] of refused) {
    const { frames, fault } = read(bytes)
    assert.deepEqual([frames.length, fault?.isRefused], [0, true])
    assert.match(fault!.why, why)
  }
  for (const whole of [pcap(PACKETS), pcapng(PACKETS)]) {
    const { frames, fault } = read(whole.subarray(0, -3))
    assert.deepEqual([frames.length, fault?.isRefused], [1, false])
    assert.match(fault!.why, /^behind packet 1, at byte \d+, the file is cut off$/)
  }
  const greedy = pcap(PACKETS)
  greedy.writeUInt32LE(0x7fffffff, 24 + 8)
  assert.match(read(greedy).fault!.why, /behind packet 0, at byte 24, a packet claims 2147483647 bytes/)
  const still = pcapng([])
  const at = still.length
  const zero = Buffer.concat([still, Buffer.alloc(16)])
  assert.match(read(zero).fault!.why, new RegExp(`at byte ${at}, a block claims 0 bytes`))
})

test('interfaces are bounded', () => {
  const [empty, one] = [pcapng([]), Buffer.alloc(20)]
  one.writeUInt32LE(1, 0)
  one.writeUInt32LE(20, 4)
  const more = (n: number) => read(Buffer.concat([empty, ...Array.from({ length: n }, () => one)])).fault
  assert.equal(more(INTERFACES_MAX - 1), undefined)
  assert.match(more(INTERFACES_MAX)!.why, /one too many/)
})

test('whatever the bytes are: no exception, and frames within the file', () => {
  const whole = [
    pcap(PACKETS),
    pcap(PACKETS, { isBig: true }),
    pcapng(PACKETS),
    pcapng(PACKETS, { isBig: true }),
  ]
  const changes = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 12,
  })
  const mutated = fc
    .tuple(fc.constantFrom(...whole), changes, fc.nat({ max: 500 }))
    .map(([bytes, changed, length]) => {
      const copy = Buffer.from(bytes)
      for (const [at, value] of changed) if (at < copy.length) copy[at] = value
      return copy.subarray(0, Math.max(copy.length - length, 0) || copy.length)
    })
  const anything = fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(mutated, anything), bytes => {
      const { frames, fault } = read(bytes)
      assert.ok(frames.reduce((sum, frame) => sum + frame.bytes.length, 0) <= bytes.length)
      if (fault !== undefined) assert.match(fault.why, /^[a-z].*[^.]$/)
    }),
    { numRuns: 2_000 },
  )
})
