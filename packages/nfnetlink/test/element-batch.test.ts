import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeElementBatch, writeElementQuestions } from '../src/element-batch.ts'
import { HOST_LITTLE_ENDIAN } from '../src/message.ts'
import type { SetElement } from '../src/table-change.ts'

const buffer = () => new Uint8Array(new ArrayBuffer(4096)).fill(0xff)
const key = Uint8Array.of(192, 0, 2, 7)

test('a transaction, byte by byte', {
  skip: HOST_LITTLE_ENDIAN ? false : 'written for little-endian',
}, () => {
  const written = writeElementBatch(buffer(), 'filter', [
    { op: 'add', set: 'flies', elements: [{ key, timeoutMs: 2 ** 32 + 100_000 }] },
    { op: 'delete', set: 'flies', elements: [{ key }] },
  ])
  const names = '0b000100 66696c7465720000 0a000200 666c696573000000'
  const begin = '14000000 1000 0100 00000000 00000000 0000000a'
  const add = `4c000000 0c0a 0104 00000000 00000000 01000000 ${names}
    20000380 1c000180 0c000180 08000100 c0000207 0c000400 00000001000186a0`
  const remove = `40000000 0e0a 0500 00000000 00000000 01000000 ${names}
    14000380 10000180 0c000180 08000100 c0000207`
  const end = '14000000 1100 0100 00000000 00000000 0000000a'
  assert.equal(Buffer.from(written).toString('hex'), [begin, add, remove, end].join('').replace(/\s/g, ''))
})

test('lengths add up, whatever is in it, and no message is longer than its attributes can say', () => {
  const elements = (size: number, count: number): SetElement[] =>
    Array.from({ length: count }, (_, i) => ({
      key: new Uint8Array(size).fill(i),
      ...(i % 2 === 0 && { timeoutMs: i + 1 }),
    }))
  for (const [size, count] of [
    [4, 1],
    [4, 5000],
    [16, 5000],
    [7, 3],
    [64, 1000],
  ] as const) {
    const small = buffer()
    const written = writeElementBatch(small, 't', [
      { op: 'add', set: 's', elements: elements(size, count) },
      { op: 'delete', set: 'other', elements: elements(size, 2) },
      { op: 'add', set: 'empty', elements: [] },
    ])
    const view = new DataView(written.buffer, written.byteOffset, written.length)
    const lengths: number[] = []
    for (let at = 0; at < written.length; at += lengths.at(-1)!) {
      lengths.push(view.getUint32(at, HOST_LITTLE_ENDIAN))
      assert.ok(lengths.at(-1)! >= 20 && lengths.at(-1)! % 4 === 0 && lengths.at(-1)! < 0xffff)
    }
    assert.equal(
      lengths.reduce((sum, length) => sum + length, 0),
      written.length,
    )
    assert.equal(written.buffer === small.buffer, written.length <= small.length)
  }
})

test('questions, byte by byte: a message each, with its place as the sequence', {
  skip: HOST_LITTLE_ENDIAN ? false : 'written for little-endian',
}, () => {
  const written = writeElementQuestions('filter', 'flies', [key, 0xc000_0208])
  const question = (place: string, address: string) => `40000000 0d0a 0100 ${place} 00000000 01000000
    0b000100 66696c7465720000 0a000200 666c696573000000 14000380 10000180 0c000180 08000100 ${address}`
  const expected = [question('00000000', 'c0000207'), question('01000000', 'c0000208')]
  assert.equal(Buffer.from(written).toString('hex'), expected.join('').replace(/\s/g, ''))
})
