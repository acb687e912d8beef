import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { openEvidence } from '../../src/judge/evidence.ts'
import { judge } from '../../src/judge/judge.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { neverOf } from '../../src/settings/settings.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import type { Channel } from '../../src/terms/channel.ts'
import { flyNamer } from '../../src/terms/fly.ts'
import { EMPTY } from '../../src/terms/prefix-set.ts'

const NOW = 1_000_000
const nameFly = flyNamer(EMPTY)
const tcp = (port: number, flags = 2): Tried => ({ kind: 'tcp', port, from: 1024, flags })

function court(toml = '') {
  const settings = parseSettings(`never = ["198.51.100.0/24", "2001:db8:51::/48"]\n${toml}`, 'test')
  const judging = {
    never: neverOf(settings),
    near: [parsePrefix('192.0.2.1')!],
    holdOnly: settings.shared.holdOnly,
    evidence: settings.evidence,
  }
  const memory = openEvidence()
  const verdict = (source: string, tried: Tried = tcp(81), channel: Channel = 'offence', now = NOW) => {
    const packet = { source: source as Address, destination: '192.0.2.1' as Address, tried }
    return judge(
      { packet, fly: nameFly(packet.source), channel, now, isServed: () => false },
      judging,
      memory,
    )
  }
  const because = (...asked: Parameters<typeof verdict>) => verdict(...asked).because
  return Object.assign(because, { verdict, memory })
}

test('where many share an address, whatever sums up to enough is held only', () => {
  const because = court('[shared]\nhold_only = ["203.0.113.0/24", "2001:db8:cc::/48"]')
  for (const source of ['203.0.113.7', '2001:db8:cc:1::7']) {
    assert.deepEqual(because.verdict(source), {
      verdict: 'strike',
      because: 'shared',
      evidence: [{ what: 'tcp/81', weight: 6 }],
    })
    assert.equal(because(source, tcp(81), 'known'), 'known')
  }
  assert.equal(because('203.0.112.7'), 'closed-port', 'the control')
})

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

test('who hides its port has tried a different one each time, of weak evidence too', () => {
  const hidden = { kind: 'protocol', number: 60, hidden: true } as const
  for (const channel of ['peer', 'known', 'late'] as const) {
    const { verdict } = court()
    const sums = [1, 2, 3].map(() => verdict('2001:db8:2::5', hidden, channel))
    assert.deepEqual(
      sums.map(({ verdict, because }) => `${verdict} ${because}`),
      [`let-go ${channel}`, `let-go ${channel}`, 'stick distinct-ports'],
    )
    assert.deepEqual(
      sums[2]!.evidence?.map(({ what }) => what),
      ['hidden/1', 'hidden/2', 'hidden/3'],
    )
  }
  const { verdict } = court()
  const sight = { kind: 'protocol', number: 47 } as const
  for (const _ of [1, 2, 3]) assert.equal(verdict('2001:db8:2::5', sight, 'known').verdict, 'let-go')
  assert.equal(verdict('2001:db8:2::6', hidden).because, 'hidden-header', 'of a stranger one is enough')
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

const HOUR = 3600

test('a host that we talk to, a known client: three different closed ports within the window of the class', () => {
  for (const [channel, window] of [
    ['peer', 600],
    ['known', HOUR],
  ] as const) {
    const because = court()
    const weak = (port: number, seconds: number) =>
      because('69.0.231.79', tcp(port), channel, NOW + seconds * 1000)
    assert.deepEqual(
      [weak(1, 0), weak(1, 1), weak(2, 2), weak(1, 3), weak(3, 4)],
      [channel, channel, channel, channel, 'distinct-ports'],
    )
    assert.equal(weak(4, 5), channel, 'the count begins anew')
    assert.deepEqual(
      [weak(5, window / 2), weak(6, window + 6)],
      [channel, channel],
      'the first is forgotten by then',
    )
    assert.equal(weak(7, window + 7), 'distinct-ports')
  }
})

/** What a source is told at these tries, a known client unless told, of a port and after so many hours each. */
function day(
  tries: readonly (readonly [port: number, hour: number])[],
  toml = '',
  channel: Channel = 'known',
) {
  const because = court(toml)
  return tries.map(([port, hour]) => because('69.0.231.79', tcp(port), channel, NOW + hour * HOUR * 1000))
}

test('a known client has two closed ports in an hour and four in a day; the fifth is a scan, however slow', () => {
  const slow = [1, 2, 3, 4, 5].map((port, i) => [port, 5.5 * i] as const)
  assert.deepEqual(day(slow), ['known', 'known', 'known', 'known', 'distinct-ports'])
  assert.deepEqual(day(slow, '[evidence]\nknown = { fade = "1h" }').at(-1), 'known', 'the control')
  assert.deepEqual(day([1, 2, 3, 4, 5, 6, 7].map(port => [port, 8 * port])).at(-1), 'known', 'three in a day')
  assert.deepEqual(
    day([
      [1, 0],
      [2, 2],
      [3, 4],
      [4, 4.5],
    ]).at(-1),
    'distinct-ports',
    'two, and then two in an hour',
  )
})

test('a host that we talk to has two closed ports in ten minutes and four in a day', () => {
  const slow = [1, 2, 3, 4, 5].map((port, i) => [port, i / 4] as const)
  assert.deepEqual(day(slow, '', 'peer'), ['peer', 'peer', 'peer', 'peer', 'distinct-ports'])
  assert.equal(day(slow, '[evidence]\npeer = { fade = "10m" }', 'peer').at(-1), 'peer', 'the control')
})

test('UDP from the port of a service lasts a day, whoever sends it and whatever the settings say of mistakes', () => {
  const toml = '[evidence]\nstranger = { fade = "1h" }\npeer = { fade = "10m" }\nknown = { fade = "1h" }'
  const sums = (channel: Channel, tried: (port: number) => Tried) => {
    const because = court(toml)
    return [1, 2, 3, 4, 5].map(
      i => because('69.0.231.79', tried(2000 + i), channel, NOW + 1.5 * i * HOUR * 1000) === 'distinct-ports',
    )
  }
  const udp = (from: number) => (port: number) => ({ kind: 'udp', port, from }) as const
  for (const channel of ['late', 'peer', 'known'] as const) {
    assert.deepEqual(sums(channel, udp(53)), [false, false, false, false, true], channel)
    // The controls: from another port, to a port from which nobody asks, and what many people behind one address send.
    assert.ok(!sums(channel, udp(54)).includes(true))
    assert.ok(!sums(channel, port => udp(53)(port - 1990)).includes(true))
    assert.ok(!sums(channel, port => tcp(port)).includes(true))
  }
})

test('the same closed port all day is one: a wrong bookmark, a monitor; and two are two', () => {
  const minutes = Array.from({ length: 24 * 12 }, (_, i) => i / 12)
  const all = [...minutes.map(hour => [81, hour] as const), ...minutes.map(hour => [8080, hour] as const)]
  assert.deepEqual(new Set(day(all.sort(([, one], [, other]) => one - other))), new Set(['known']))
  assert.deepEqual(day([...all, [82, 23.9]]).at(-1), 'distinct-ports', 'the control: a third beside both')
})

test('what is excusable of a known client does not last longer than its hour', () => {
  const late = Array.from({ length: 40 }, (_, i) => [i + 1, i / 2] as const)
  assert.deepEqual(new Set(day(late, '', 'known-late')), new Set(['late']))
})

test('property: whatever order a known client tries in, it has no more than four ports in a day, and never fewer than two', () => {
  let seed = 64
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  for (let run = 0; run < 200; run++) {
    const because = court()
    const free: (readonly [at: number, port: number])[] = []
    for (let at = 0, port = 1; at < 72; at += random(300) / 60, port += random(2)) {
      if (because('69.0.231.79', tcp(port), 'known', NOW + at * HOUR * 1000) !== 'known') break
      free.push([at, port])
      const lately = (hours: number) =>
        new Set(free.flatMap(([then, tried]) => (then > at - hours ? tried : []))).size
      assert.ok(lately(24) <= 4 && lately(1) <= 2)
    }
    assert.ok(new Set(free.map(([, port]) => port)).size >= 2)
  }
})

test('who goes on trying the same port keeps it no longer in the count', () => {
  const because = court()
  const known = (port: number, seconds: number) =>
    because('69.0.231.79', tcp(port), 'known', NOW + seconds * 1000)
  for (let seconds = 0; seconds <= HOUR; seconds += 60) known(81, seconds)
  assert.deepEqual(
    [known(82, HOUR + 1), known(83, HOUR + 2)],
    ['known', 'distinct-ports'],
    'it counts anew, once',
  )
})

test('excusable: three ports of a stranger, six of a known client; mixed with others they add up', () => {
  const because = court()
  const tries = (source: string, channel: Channel, ...ports: number[]) =>
    ports.map(port => because(source, { kind: 'udp', port, from: 53 }, channel))
  assert.deepEqual(tries('69.0.231.1', 'late', 1, 2, 3), ['late', 'late', 'distinct-ports'])
  assert.deepEqual(tries('69.0.231.2', 'known-late', 1, 2, 3, 4, 5, 6), [
    ...Array(5).fill('late'),
    'distinct-ports',
  ])
  assert.deepEqual(tries('69.0.231.3', 'known-late', 1, 2), ['late', 'late'])
  assert.deepEqual(tries('69.0.231.3', 'known', 3, 4), ['known', 'distinct-ports'], '1 + 1 + 2 + 2')
  assert.deepEqual(tries('69.0.231.4', 'known-late', 1), ['late'])
  assert.deepEqual(tries('69.0.231.4', 'known', 1, 2), ['known', 'known'], 'the same port counts once: 2 + 2')
})

test('the sum goes with the verdict, and with what a source becomes', () => {
  const { verdict } = court()
  const tried = (port: number, channel: Channel) => verdict('69.0.231.79', tcp(port), channel)
  assert.deepEqual(tried(80, 'known'), {
    verdict: 'let-go',
    because: 'known',
    evidence: [{ what: 'tcp/80', weight: 2 }],
  })
  tried(8080, 'peer')
  assert.deepEqual(tried(8443, 'known'), {
    verdict: 'stick',
    because: 'distinct-ports',
    grade: 'forgeable-known',
    evidence: [
      { what: 'tcp/8080', weight: 2 },
      { what: 'tcp/80', weight: 2 },
      { what: 'tcp/8443', weight: 2 },
    ],
    longest: HOUR,
  })
  tried(9, 'late')
  assert.deepEqual(tried(81, 'offence'), {
    verdict: 'stick',
    because: 'closed-port',
    grade: 'forgeable',
    evidence: [
      { what: 'tcp/9', weight: 2 },
      { what: 'tcp/81', weight: 6 },
    ],
    longest: 'forever',
  })
})

test('no single packet of whom we call or know is enough, whatever it is', () => {
  const kinds: Tried[] = [
    ...[0, 1, 2, 3, 6, 0x29].map(flags => tcp(81, flags)),
    { kind: 'udp', port: 9 },
    { kind: 'sctp', port: 9 },
    { kind: 'icmp', type: 13, code: 0 },
    { kind: 'icmp', type: 8, code: 0 },
    { kind: 'protocol', number: 200 },
  ]
  for (const channel of ['peer', 'known', 'late', 'known-late', 'refused'] as const)
    for (const [i, tried] of kinds.entries()) {
      const { verdict } = court().verdict(`69.0.231.${i + 1}`, tried, channel)
      assert.equal(verdict, 'let-go', `${channel} ${JSON.stringify(tried)}`)
    }
})

test('what is known of an IPv6 source is known of its /64', () => {
  const because = court()
  const from = (host: number) => because(`2001:db8:2::${host}`, tcp(host), 'known')
  assert.deepEqual([from(1), from(2), from(3)], ['known', 'known', 'distinct-ports'])
})

test('more offences than one of a stranger: different ports within the window, each of them told as a strike', () => {
  const because = court('[evidence]\nstranger = { closed = 3, window = "1m" }')
  const offend = (port: number, seconds: number) =>
    because('69.0.231.79', tcp(port), 'offence', NOW + seconds * 1000)
  assert.deepEqual(
    [offend(81, 0), offend(81, 30), offend(82, 70), offend(83, 80)],
    ['strike', 'strike', 'strike', 'distinct-ports'],
  )
  assert.equal(
    because('69.0.231.79', tcp(81, 0)),
    'illegal-flags',
    'flags that nothing carries still are enough',
  )
})

test('a weight of nothing counts nothing', () => {
  const because = court('[evidence]\npeer = { closed = 0, illegal = 0 }')
  for (let port = 1; port < 100; port++) assert.equal(because('69.0.231.79', tcp(port), 'peer'), 'peer')
})

test('what counted against a source can be forgotten: of one, or of all', () => {
  const because = court('[evidence]\nstranger = { closed = 3 }')
  const [one, other] = ['69.0.231.79', '69.0.231.80'] as const
  const count = () => {
    for (const source of [one, other]) for (const port of [1, 2]) because(source, tcp(port), 'peer')
  }
  const third = (source: string) => because(source, tcp(3), 'peer')
  count()
  because.memory.forget([nameFly(one as Address)])
  assert.deepEqual([third(one), third(other)], ['peer', 'distinct-ports'])
  count()
  because.memory.forgetAll()
  assert.deepEqual([third(one), third(other)], ['peer', 'peer'])
})
