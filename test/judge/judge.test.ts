import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from '../../src/capture/capture.ts'
import type { Tried } from '../../src/decode/packet.ts'
import { DISTINCT_SOURCES_MAX, distinctPorts } from '../../src/judge/distinct-ports.ts'
import { judge } from '../../src/judge/judge.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'

const NOW = 1_000_000
const tcp = (port: number): Tried => ({ kind: 'tcp', port, from: 1024, flags: 2 })

function court() {
  const memory = {
    never: [parsePrefix('198.51.100.0/24')!, parsePrefix('2001:db8:51::/48')!],
    near: () => [parsePrefix('192.0.2.1')!],
    distinctPorts: distinctPorts(),
  }
  return (source: string, tried: Tried = tcp(81), channel: Channel = 'offence', now = NOW) => {
    const packet = { source: source as Address, destination: '192.0.2.1' as Address, tried }
    return judge({ packet, channel, now }, memory).because
  }
}

test('the reason is what was tried', () => {
  const because = court()
  assert.equal(because('69.0.231.79'), 'closed-port')
  assert.equal(because('69.0.231.79', { kind: 'udp', port: 9, from: 9 }), 'closed-port')
  assert.equal(because('69.0.231.79', { kind: 'icmp', type: 13, code: 0 }), 'icmp-question')
  assert.equal(because('69.0.231.79', { kind: 'protocol', number: 200 }), 'unknown-protocol')
  assert.equal(because('2001:db8:2::5'), 'closed-port')
})

test('the never-list and who is near win, whatever they did', () => {
  const because = court()
  assert.equal(because('198.51.100.7'), 'never-list')
  assert.equal(because('2001:db8:51:7::7'), 'never-list')
  assert.equal(because('192.0.2.1'), 'near')
  for (const port of [1, 2, 3, 4]) assert.equal(because('198.51.100.7', tcp(port), 'weak'), 'never-list')
})

test('sources that are no host are never locked out', () => {
  const because = court()
  const nobody = [
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '169.254.1.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ]
  const nobody6 = ['::', '::1', '::ffff:1.2.3.4', '::1.2.3.4', 'fe80::1', 'ff02::1', '1::1', '4000::1']
  for (const source of [...nobody, ...nobody6]) assert.equal(because(source), 'no-host', source)
  for (const source of ['64:ff9b::1.2.3.4', 'fd00::1', '1.0.0.1', '223.255.255.255'])
    assert.equal(because(source), 'closed-port', source)
})

test('weak evidence: three different closed ports within ten minutes are a scan', () => {
  const because = court()
  const weak = (port: number, seconds: number) =>
    because('69.0.231.79', tcp(port), 'weak', NOW + seconds * 1000)
  assert.deepEqual(
    [weak(1, 0), weak(1, 1), weak(2, 2), weak(1, 3), weak(3, 4)],
    ['weak-evidence', 'weak-evidence', 'weak-evidence', 'weak-evidence', 'distinct-ports'],
  )
  assert.equal(weak(4, 5), 'weak-evidence', 'the count begins anew')
  assert.deepEqual(
    [weak(5, 300), weak(6, 606)],
    ['weak-evidence', 'weak-evidence'],
    'the first is forgotten by then',
  )
  assert.equal(weak(7, 607), 'distinct-ports')
})

test('the memory is bounded: the source that has been quiet longest makes room', () => {
  const ports = distinctPorts()
  const source = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as Address
  for (const port of [1, 2]) assert.equal(ports.isScan(source(0), tcp(port), NOW), false)
  for (let i = 1; i < DISTINCT_SOURCES_MAX; i++) ports.isScan(source(i), tcp(1), NOW)
  assert.equal(ports.isScan(source(0), tcp(3), NOW), true, 'still there when the memory is just full')
  for (const port of [1, 2]) ports.isScan(source(0), tcp(port), NOW)
  for (let i = 1; i <= DISTINCT_SOURCES_MAX; i++) ports.isScan(source(i), tcp(1), NOW)
  assert.equal(ports.isScan(source(0), tcp(3), NOW), false, 'forgotten')
})
