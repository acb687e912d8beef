import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { be, buildRequest, type PacketSubsystem } from '../src/message.ts'
import { emptyReading, readDatagram } from '../src/parse.ts'
import recorded from './recorded.json' with { type: 'json' }

const PAYLOAD = Uint8Array.of(0x45, 0, 0, 20, 1, 2, 3)
const QUEUED = buildRequest({
  subsystem: 'queue',
  type: 0,
  group: 7,
  sequence: 0,
  acknowledge: false,
  attributes: [
    { type: 1, value: be([0xdeadbeef, 4], [0x0800, 2], [2, 1]) },
    { type: 3, value: be([42, 4]) },
    { type: 0x800a, value: PAYLOAD },
  ],
})
const LOGGED = buildRequest({
  subsystem: 'log',
  type: 0,
  group: 258,
  sequence: 0,
  acknowledge: false,
  attributes: [
    { type: 1, value: be([0x0800, 2], [1, 1], [0, 1]) },
    { type: 10, value: Buffer.from('prefix\0') },
    { type: 9, value: PAYLOAD },
    { type: 12, value: be([3, 4]) },
  ],
})
const REFUSED = Uint8Array.from(
  Buffer.from('24000000020000000500000000000000ffffffff14000000000000000000000000000000', 'hex'),
)

/** What the kernel sent for a real scan of ports 1 to 3: see record.ts. */
const RECORDED = {
  queue: recorded.queue.map(hex => Uint8Array.from(Buffer.from(hex, 'hex'))),
  log: recorded.log.map(hex => Uint8Array.from(Buffer.from(hex, 'hex'))),
}

function read(bytes: Uint8Array, subsystem: PacketSubsystem) {
  const reading = emptyReading()
  readDatagram(bytes, subsystem, reading)
  return reading
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

test('a queued packet', () => {
  assert.deepEqual(read(QUEUED, 'queue'), {
    packets: [{ group: 7, hook: 2, payload: PAYLOAD, mark: 42, sequence: 0xdeadbeef }],
    answers: [],
    malformed: 0,
  })
})

test('several logged packets in one datagram, closed by NLMSG_DONE', () => {
  const done = Uint8Array.from(Buffer.from('14000000030000000000000000000000000000000', 'hex'))
  const packet = { group: 258, hook: 1, payload: PAYLOAD, mark: undefined, sequence: 3 }
  assert.deepEqual(read(joined(LOGGED, LOGGED, done), 'log').packets, [packet, packet])
})

test('an answer, and messages of another subsystem', () => {
  assert.deepEqual(read(REFUSED, 'log').answers, [{ sequence: 5, errno: 1 }])
  assert.deepEqual(read(QUEUED, 'log'), emptyReading())
})

test('cut off in the payload: the packet is still known by its id, so that it can be settled', () => {
  const { packets, malformed } = read(QUEUED.subarray(0, QUEUED.length - 4), 'queue')
  assert.deepEqual(packets, [
    { group: 7, hook: 2, payload: new Uint8Array(0), mark: 42, sequence: 0xdeadbeef },
  ])
  assert.equal(malformed, 1)
})

test('a packet without its header is none', () => {
  const bytes = QUEUED.slice()
  bytes[22] = 99
  assert.deepEqual(read(bytes, 'queue'), { packets: [], answers: [], malformed: 1 })
})

test('every truncation is noticed, and nothing is invented', () => {
  const whole = read(LOGGED, 'log').packets[0]!
  for (let length = 1; length < LOGGED.length; length++) {
    const { packets, malformed } = read(LOGGED.subarray(0, length), 'log')
    assert.ok(malformed > 0, `length ${length}`)
    for (const packet of packets)
      assert.deepEqual(packet, {
        ...whole,
        payload: packet.payload.length === 0 ? new Uint8Array(0) : PAYLOAD,
        sequence: undefined,
      })
  }
})

test('what a kernel sent for a real scan, whole and cut off at every byte', () => {
  for (const subsystem of ['queue', 'log'] as const) {
    const whole = RECORDED[subsystem].flatMap(bytes => read(bytes, subsystem).packets)
    // Destination ports, behind IPv4 headers without options.
    assert.deepEqual(whole.map(({ payload }) => payload[23]).sort(), [1, 2, 3])
    assert.ok(whole.every(({ group, hook, mark }) => group === 1 && hook === 1 && mark === 9))
    for (const bytes of RECORDED[subsystem])
      for (let length = 1; length < bytes.length; length++) {
        const cut = read(bytes.subarray(0, length), subsystem)
        assert.ok(cut.packets.length <= 3)
        assert.ok(cut.malformed > 0 || cut.packets.every(({ payload }) => payload.length > 0), `${length}`)
      }
  }
})

test('fuzz: any bytes, also mutated good ones, give views into themselves and an end', () => {
  const mutated = fc
    .tuple(
      fc.constantFrom(
        ...[QUEUED, LOGGED, REFUSED, joined(QUEUED, LOGGED, REFUSED), joined(LOGGED, LOGGED)],
        ...[...RECORDED.queue, ...RECORDED.log],
      ),
      fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 6 }),
      fc.nat(600),
    )
    .map(([good, changes, length]) => {
      const bytes = good.slice(0, length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated)
  fc.assert(
    fc.property(
      bytes,
      fc.constantFrom<PacketSubsystem>('queue', 'log'),
      fc.nat(40),
      (content, subsystem, margin) => {
        // Inside of a larger block, as the slots are: what is outside must not show up.
        const block = new Uint8Array(content.length + 2 * margin).fill(0xaa)
        block.set(content, margin)
        const view = block.subarray(margin, margin + content.length)
        const reading = read(view, subsystem)
        for (const { payload, group } of reading.packets) {
          const isInside = payload.length === 0 || payload.byteOffset >= view.byteOffset
          assert.ok(isInside && payload.byteOffset + payload.length <= view.byteOffset + view.length)
          assert.ok(group >= 0 && group <= 0xffff)
        }
        assert.deepEqual(reading, read(content, subsystem))
        assert.ok(
          reading.packets.length + reading.answers.length + reading.malformed <= content.length / 16 + 2,
        )
      },
    ),
    { numRuns: 3000 },
  )
})
