import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readRulesetDatagram } from '../src/ruleset-parse.ts'

/** As a kernel 6.18 announced them; the lengths and types of the headers are those of little-endian machines. */
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'))
const PORT = '0c120000'
const ADDED =
  hex(`5c000000 0c0a 0000 00000000 ${PORT} 01000003 0b000100 66696c7465720000 0d000200 666c79706170657200000000
  2c000300 28000100 0c000100 08000100 c0000207 0c000400 00000000000186a0 0c000500 0000000000018688`)
const DELETED =
  hex(`44000000 0e0a 0000 00000000 ${PORT} 01000007 0b000100 66696c7465720000 0d000200 666c79706170657200000000
  14000300 10000100 0c000100 08000100 c0000208`)
const SET_GONE = hex(
  `3c000000 0b0a 0000 01000000 ${PORT} 0100000a 0b000100 66696c7465720000 0d000200 666c79706170657200000000 0c001000 0000000000000001`,
)
const TABLE_GONE = hex(
  `34000000 020a 0000 01000000 ${PORT} 0100000a 0b000100 66696c7465720000 08000300 00000000 0c000400 0000000000000001`,
)
const NEW_CHAIN = hex(
  `38000000 030a 0000 01000000 ${PORT} 0100000a 0b000100 66696c7465720000 0c000200 0000000000000005 0a000300 696e707574000000`,
)
const COMMIT = hex(
  `2c000000 0f0a 0000 01000000 ${PORT} 0000000a 08000100 0000000a 08000200 00001212 08000300 6e667400`,
)
const DONE = hex(`14000000 0300 0200 01000000 ${PORT} 00000000`)
const REFUSED = hex(`24000000 0200 0000 01000000 ${PORT} feffffff 14000000 0d0a 0103 01000000 00000000`)

const PORT_NUMBER = 0x120c
const read = (...parts: Uint8Array[]) => [...readRulesetDatagram(Uint8Array.from(Buffer.concat(parts)))]
const INET = 1
const object = { family: INET, table: 'filter', name: 'flypaper' }

test('elements that come and go, with their times', () => {
  const key = (last: number) => Uint8Array.of(192, 0, 2, last)
  assert.deepEqual(read(ADDED, DELETED), [
    {
      port: PORT_NUMBER,
      sequence: 0,
      change: {
        op: 'new',
        kind: 'element',
        ...object,
        elements: [{ key: key(7), timeoutMs: 100_000, expiresMs: 99_976 }],
      },
    },
    {
      port: PORT_NUMBER,
      sequence: 0,
      change: {
        op: 'delete',
        kind: 'element',
        ...object,
        elements: [{ key: key(8), timeoutMs: undefined, expiresMs: undefined }],
      },
    },
  ])
})

test('sets, tables and chains; the end of a transaction, by whom', () => {
  assert.deepEqual(read(SET_GONE, TABLE_GONE, NEW_CHAIN, COMMIT), [
    { port: PORT_NUMBER, sequence: 1, change: { op: 'delete', kind: 'set', ...object } },
    {
      port: PORT_NUMBER,
      sequence: 1,
      change: { op: 'delete', kind: 'table', family: INET, table: 'filter', name: 'filter' },
    },
    {
      port: PORT_NUMBER,
      sequence: 1,
      change: { op: 'new', kind: 'chain', family: INET, table: 'filter', name: 'input' },
    },
    { port: PORT_NUMBER, sequence: 1, commit: { pid: 4626, name: 'nft' } },
  ])
})

test('a table of another family may have the same name', () => {
  const ofIptables = Uint8Array.from(TABLE_GONE)
  const IPV4 = 2
  ofIptables[16] = IPV4
  const [message] = read(ofIptables)
  assert.ok(message !== undefined && 'change' in message)
  assert.deepEqual([message.change.family, message.change.table], [IPV4, 'filter'])
})

test('the end of a dump, and a refusal', () => {
  assert.deepEqual(read(DONE, REFUSED), [
    { port: PORT_NUMBER, sequence: 1, end: { errno: 0 } },
    { port: PORT_NUMBER, sequence: 1, end: { errno: 2 } },
  ])
})

test('what is of a port that does not interest is left out', () => {
  assert.deepEqual([...readRulesetDatagram(ADDED, port => port === PORT_NUMBER)], [])
})

test('any bytes: no throw, no loop, nothing from outside', () => {
  const whole = Buffer.concat([ADDED, DELETED, SET_GONE, TABLE_GONE, NEW_CHAIN, COMMIT, DONE, REFUSED])
  const mutated = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 12 })
    .map(changes => {
      const bytes = Uint8Array.from(whole)
      for (const [at, byte] of changes) bytes[at] = byte
      return bytes
    })
  const cut = fc.nat(whole.length).map(length => Uint8Array.from(whole.subarray(0, length)))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated, cut), bytes => {
      const messages = [...readRulesetDatagram(bytes)]
      assert.ok(messages.length <= bytes.length / 16)
    }),
    { numRuns: 3000 },
  )
})
