import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NetfilterPacket } from '../src/parse.ts'
import { makeWaitingRoom } from '../src/waiting-room.ts'

const U32 = fc.integer({ min: 0, max: 0xffffffff })
const fields = {
  group: fc.integer({ min: 0, max: 0xffff }),
  hook: fc.integer({ min: 0, max: 255 }),
  // Some are longer than what is allocated at once.
  payload: fc.oneof(
    { weight: 9, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    fc.integer({ min: 20_000, max: 70_000 }).map(length => new Uint8Array(length).fill(length)),
  ),
  mark: fc.option(U32, { nil: undefined }),
  sequence: fc.option(U32, { nil: undefined }),
}
const packet: fc.Arbitrary<NetfilterPacket> = fc.record(fields, { noNullPrototype: true })

test('whatever is put and taken comes out as it was, in order', () => {
  const puts = fc.array(packet, { maxLength: 40 }).map(packets => ({ packets, most: 0 }))
  const takes = fc.integer({ min: 1, max: 30 }).map(most => ({ packets: [] as NetfilterPacket[], most }))
  fc.assert(
    fc.property(fc.array(fc.oneof(puts, takes), { maxLength: 20 }), steps => {
      const room = makeWaitingRoom()
      const expected: NetfilterPacket[] = []
      for (const { packets, most } of steps) {
        for (const one of packets) room.put(one)
        expected.push(...packets)
        assert.deepEqual(room.take(most), expected.splice(0, most))
        assert.equal(room.count, expected.length)
      }
    }),
  )
})

test('it keeps copies: the slots that packets came in are overwritten', () => {
  const room = makeWaitingRoom()
  const payload = Uint8Array.of(1, 2, 3)
  room.put({ group: 1, hook: 1, payload, mark: undefined, sequence: undefined })
  payload.fill(0)
  assert.deepEqual(room.take(1)[0]?.payload, Uint8Array.of(1, 2, 3))
})

test('what it grew by is given back when it is empty again', () => {
  const room = makeWaitingRoom()
  const payload = new Uint8Array(100)
  const memories = new Set<ArrayBufferLike>()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10_000; i++) room.put({ group: 1, hook: 1, payload, mark: undefined, sequence: i })
    const taken = room.take(10_000)
    memories.clear()
    for (const { payload } of taken) memories.add(payload.buffer)
    assert.ok(memories.size > 10, 'it did not grow: the test is none')
  }
  // It goes on in the last block of before, and holds no other.
  room.put({ group: 1, hook: 1, payload, mark: undefined, sequence: 1 })
  const [next] = room.take(1)
  assert.equal(next?.payload.buffer, [...memories].at(-1))
})
