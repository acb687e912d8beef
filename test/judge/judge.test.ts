import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { DISTINCT_SOURCES_MAX, distinctPorts } from '../../src/judge/distinct-ports.ts'
import { judge, openMemory } from '../../src/judge/judge.ts'
import { openStrikes, STRIKE_SOURCES_MAX } from '../../src/judge/strikes.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import type { Channel } from '../../src/terms/channel.ts'
import { type Fly, flyNamer } from '../../src/terms/fly.ts'

const NOW = 1_000_000
const nameFly = flyNamer([])
const tcp = (port: number, flags = 2): Tried => ({ kind: 'tcp', port, from: 1024, flags })

function court(toml = '') {
  const settings = parseSettings(`never = ["198.51.100.0/24", "2001:db8:51::/48"]\n${toml}`, 'test')
  const judging = { never: settings.never, near: [parsePrefix('192.0.2.1')!], strikes: settings.lockout }
  const memory = openMemory()
  return (source: string, tried: Tried = tcp(81), channel: Channel = 'offence', now = NOW) => {
    const packet = { source: source as Address, destination: '192.0.2.1' as Address, tried }
    return judge({ packet, fly: nameFly(packet.source), channel, now }, judging, memory).because
  }
}

test('the reason is what was tried', () => {
  const because = court()
  assert.equal(because('69.0.231.79'), 'closed-port')
  assert.equal(because('69.0.231.79', { kind: 'udp', port: 9, from: 9 }), 'closed-port')
  assert.equal(because('69.0.231.79', { kind: 'icmp', type: 13, code: 0 }), 'icmp-question')
  assert.equal(because('69.0.231.79', { kind: 'protocol', number: 200 }), 'unknown-protocol')
  assert.equal(because('69.0.231.79', { kind: 'icmp', type: 8, code: 0 }), 'ping')
  assert.equal(because('2001:db8:2::5', { kind: 'icmpv6', type: 128, code: 0 }), 'ping')
  assert.equal(because('2001:db8:2::5'), 'closed-port')
  for (const flags of [0, 1, 3, 6, 0x29])
    assert.equal(because('69.0.231.79', tcp(81, flags)), 'illegal-flags')
})

test('the never-list and who is near win, whatever they did', () => {
  const because = court()
  assert.equal(because('198.51.100.7'), 'never-list')
  assert.equal(because('2001:db8:51:7::7'), 'never-list')
  assert.equal(because('192.0.2.1'), 'near')
  for (const port of [1, 2, 3, 4]) assert.equal(because('198.51.100.7', tcp(port), 'peer'), 'never-list')
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
    because('69.0.231.79', tcp(port), 'peer', NOW + seconds * 1000)
  assert.deepEqual(
    [weak(1, 0), weak(1, 1), weak(2, 2), weak(1, 3), weak(3, 4)],
    ['peer', 'peer', 'peer', 'peer', 'distinct-ports'],
  )
  assert.equal(weak(4, 5), 'peer', 'the count begins anew')
  assert.deepEqual([weak(5, 300), weak(6, 606)], ['peer', 'peer'], 'the first is forgotten by then')
  assert.equal(weak(7, 607), 'distinct-ports')
})

test('the memory is bounded: the source that has been quiet longest makes room', () => {
  const ports = distinctPorts(600_000)
  const source = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as string as Fly
  for (const port of [1, 2]) assert.equal(ports.isScan(source(0), tcp(port), NOW), false)
  for (let i = 1; i < DISTINCT_SOURCES_MAX; i++) ports.isScan(source(i), tcp(1), NOW)
  assert.equal(ports.isScan(source(0), tcp(3), NOW), true, 'still there when the memory is just full')
  for (const port of [1, 2]) ports.isScan(source(0), tcp(port), NOW)
  for (let i = 1; i <= DISTINCT_SOURCES_MAX; i++) ports.isScan(source(i), tcp(1), NOW)
  assert.equal(ports.isScan(source(0), tcp(3), NOW), false, 'forgotten')
})

test('late packets: three different ports within a minute, not in ten; each way has reasons of its own', () => {
  const because = court()
  const late = (port: number, seconds: number) =>
    because('69.0.231.79', tcp(port, 16), 'late', NOW + seconds * 1000)
  assert.deepEqual(
    [late(1, 0), late(2, 50), late(3, 70), late(4, 100)],
    ['late', 'late', 'late', 'distinct-ports'],
  )
  assert.equal(because('69.0.231.80', tcp(1), 'known'), 'known')
  assert.equal(because('69.0.231.80', tcp(2), 'peer'), 'peer')
  assert.equal(because('69.0.231.80', tcp(3), 'known'), 'distinct-ports', 'a host may be both')
})

test('what is known of an IPv6 source is known of its /64', () => {
  const because = court()
  const from = (host: number) => because(`2001:db8:2::${host}`, tcp(host), 'known')
  assert.deepEqual([from(1), from(2), from(3)], ['known', 'known', 'distinct-ports'])
})

test('only the scan of a client that was seen alive is beyond forging', () => {
  const settings = parseSettings('', 'test')
  const judging = { never: [], near: [], strikes: settings.lockout }
  const memory = openMemory()
  const packet = (port: number) => ({
    source: '69.0.231.79' as Address,
    destination: '192.0.2.1' as Address,
    tried: tcp(port),
  })
  const fly = '69.0.231.79' as string as Fly
  const verdicts = (channel: Channel) =>
    [1, 2, 3].map(port => judge({ packet: packet(port), fly, channel, now: NOW }, judging, memory)).at(-1)
  assert.deepEqual(verdicts('known'), { verdict: 'stick', because: 'distinct-ports', forgeable: false })
  for (const channel of ['peer', 'late', 'offence'] as const)
    assert.equal((verdicts(channel) as { forgeable?: boolean }).forgeable, true, channel)
})

test('strikes: so many offences within the window, and each of them is told as one', () => {
  const because = court('[lockout]\nstrikes = 3\nstrike_window = "1m"')
  const offend = (seconds: number) => because('69.0.231.79', tcp(81), 'offence', NOW + seconds * 1000)
  assert.deepEqual(
    [offend(0), offend(30), offend(70), offend(80)],
    ['strike', 'strike', 'strike', 'closed-port'],
  )
})

test('the memory of strikes is bounded: the source that has been quiet longest makes room', () => {
  const strikes = openStrikes()
  const two = { strikes: 2, strikeWindow: 60 }
  const source = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as Fly
  assert.equal(strikes.isLast(source(0), two, NOW), false)
  for (let i = 1; i < STRIKE_SOURCES_MAX; i++) strikes.isLast(source(i), two, NOW)
  assert.equal(strikes.isLast(source(0), two, NOW), true, 'still there when the memory is just full')
  for (let i = 0; i <= STRIKE_SOURCES_MAX; i++) strikes.isLast(source(100_000 + i), two, NOW)
  assert.equal(strikes.isLast(source(1), two, NOW), false, 'forgotten')
})

test('what counted against a source can be forgotten: of one, or of all', () => {
  const judging = { never: [], near: [], strikes: { strikes: 2, strikeWindow: 60 } }
  const memory = openMemory()
  const because = (fly: Fly, channel: Channel, port: number) => {
    const packet = { source: fly as string as Address, destination: '192.0.2.1' as Address, tried: tcp(port) }
    return judge({ packet, fly, channel, now: NOW }, judging, memory).because
  }
  const [one, other] = ['69.0.231.79', '69.0.231.80'] as string[] as [Fly, Fly]
  const count = () => {
    for (const fly of [one, other]) {
      for (const port of [1, 2]) for (const channel of ['peer', 'late'] as const) because(fly, channel, port)
      because(fly, 'offence', 81)
    }
  }
  const third = (fly: Fly) => (['peer', 'late', 'offence'] as const).map(channel => because(fly, channel, 3))
  // The strike of this third try itself: two are needed.
  const anew = ['peer', 'late', 'strike']
  count()
  memory.forget([one])
  assert.deepEqual(third(one), anew)
  assert.deepEqual(third(other).slice(0, 1), ['distinct-ports'])
  count()
  memory.forgetAll()
  assert.deepEqual([third(one), third(other)], [anew, anew])
})
