import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusal } from '../src/configure.ts'
import { be, buildRequest, HOST_LITTLE_ENDIAN } from '../src/message.ts'
import { droppedByFullQueue } from '../src/queue.ts'

test('a request, byte by byte', { skip: HOST_LITTLE_ENDIAN ? false : 'written for little-endian' }, () => {
  const bytes = buildRequest({
    subsystem: 'log',
    type: 1,
    group: 0x0102,
    sequence: 9,
    acknowledge: true,
    attributes: [
      { type: 1, value: be([1, 1]) },
      { type: 2, value: be([128, 4], [2, 1], [0, 1]) },
    ],
  })
  const header = ['28000000', '0104', '0500', '09000000', '00000000', '00', '00', '0102']
  const attributes = ['0500', '0100', '01000000', '0a00', '0200', '00000080', '0200', '0000']
  assert.equal(Buffer.from(bytes).toString('hex'), [...header, ...attributes].join(''))
})

test('network byte order up to the highest bit', () => {
  assert.deepEqual(be([0xfedcba98, 4], [0x1234, 2]), Uint8Array.of(0xfe, 0xdc, 0xba, 0x98, 0x12, 0x34))
})

test('what the answers mean: EPERM is permission only before the first bind', () => {
  assert.equal(refusal('probe', 1), 'no-permission')
  assert.equal(refusal('bind', 1), 'in-use')
  assert.equal(refusal('bind', 16), 'in-use')
  assert.equal(refusal('probe', 524), undefined)
  assert.equal(refusal('probe', 22), 'unsupported')
  assert.equal(refusal('bind', 22), 'failed')
  assert.equal(refusal('bind', 0), undefined)
})

test("the kernel's table of queues", () => {
  const table = [
    '    7  11483     0 2   128    12     3   300032  1',
    '    8  11483     0 2   128     5     0       20  1',
    '   17  11483     0 2   128   100     0       20  1',
    '',
  ].join('\n')
  assert.equal(droppedByFullQueue(table, [7, 8]), 17)
  assert.equal(droppedByFullQueue('', [7]), 0)
})
