/** What is written into the ring: packets and what became of them, in a bounded amount, without waiting for anybody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '../../src/decode/decode.ts'
import { encode } from '../../src/prove/packets.ts'
import { contextOf, neighbourhoodOf } from '../../src/ring/context.ts'
import { blockOfNote, blockOfPacket, type Entry, headOf, type Seen } from '../../src/ring/entry.ts'
import { without } from '../../src/ring/forget.ts'
import { bytesOfPacket } from '../../src/ring/made-up.ts'
import { joined } from '../../src/ring/pcapng.ts'
import { entriesOf } from '../../src/ring/read.ts'
import { RING_WAITING_MAX } from '../../src/ring/ring.ts'
import type { Address } from '../../src/terms/address.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { extension, ipv6, tcp } from '../decode/packets.ts'
import { BEGIN, fakeWorld, turns } from '../support/fake-world.ts'

const ON = '[ring]\non = true\n'
const packet = (source: string, port = 81) => ({ source, destination: '192.0.2.1', tcp: port })
const seenOf = (source: string, more: Partial<Seen> = {}): Seen => ({
  entry: 'packet',
  at: BEGIN,
  channel: 'offence',
  hook: 'input',
  bytes: source.includes(':') ? new Uint8Array(0) : new Uint8Array(encode(packet(source))),
  because: 'closed-port',
  isAgain: false,
  isSameBatch: false,
  ...more,
})
const packetsIn = (entries: readonly Entry[]) => entries.filter(entry => entry.entry === 'packet')
const notesIn = (entries: readonly Entry[]) =>
  entries.flatMap(entry => (entry.entry === 'note' ? [entry.what.note] : []))

test('what is written is read again: every channel, hook and reason, forged lengths, made-up packets', () => {
  const all = [
    seenOf('198.51.100.1', { lockout: 600 }),
    seenOf('198.51.100.1', { lockout: 'forever', fly: '198.51.100.0/24' as Fly, isAgain: true }),
    seenOf('198.51.100.2', { channel: 'known-late', hook: 'forward', because: 'late', isSameBatch: true }),
    seenOf('198.51.100.3', { channel: 'refused', hook: 'other', because: 'refused' }),
    seenOf('2001:db8::7', { bytes: ipv6(0, joined([extension(6, 20), tcp(1, 2, 2)])) }),
    ...(['198.51.100.9', '2001:db8::9'] as Address[]).map(source =>
      seenOf(source, {
        bytes: bytesOfPacket({
          source,
          destination: (source.includes(':') ? '2001:db8::1' : '192.0.2.1') as Address,
          tried: { kind: 'tcp', port: 445, flags: 2 },
        }),
      }),
    ),
  ]
  const file = joined([headOf('1.0.0'), ...all.map(blockOfPacket)])
  const read = [...entriesOf([{ name: 'ring', bytes: file }], assert.fail)]
  assert.deepEqual(read, all)
  const made = decode(all.at(-1)!.bytes)
  assert.ok(!('unreadable' in made))
  assert.deepEqual([made.source, made.tried], ['2001:db8::9', { kind: 'tcp', port: 445, from: 0, flags: 2 }])
})

test('a daemon writes down what it judged, with what became of it; nothing by default', async () => {
  const off = fakeWorld()
  using _off = off.open()
  off.sockets.deliver([packet('198.51.100.1')])
  _off[Symbol.dispose]()
  assert.equal(off.ring.bytes.length, 0)

  const world = fakeWorld()
  const trap = world.open(ON)
  world.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.1', 82)])
  world.sockets.deliver([packet('198.51.100.2')], { channel: 'late', hook: 'forward' })
  trap.pause(60 as never, 'tester')
  world.sockets.deliver([packet('198.51.100.3')])
  trap[Symbol.dispose]()
  await turns()
  const entries = world.ring.entries()
  assert.deepEqual(
    packetsIn(entries).map(({ channel, hook, because, lockout, isSameBatch }) => [
      channel,
      hook,
      because,
      lockout,
      isSameBatch,
    ]),
    [
      ['offence', 'input', 'closed-port', 600, false],
      ['offence', 'input', 'closed-port', undefined, true],
      ['late', 'forward', 'late', undefined, false],
    ],
    'and nothing of what came in a pause, which was judged by nobody',
  )
  assert.deepEqual(notesIn(entries), ['changed', 'began'])
})

test('what was graded and judged by comes with it, also after a reload; other addresses as well', async () => {
  const world = fakeWorld()
  const trap = world.open(ON)
  await trap.reload(world.settings(`${ON}[lockout]\nfirst = "1h"\n`))
  world.here.own = ['192.0.2.7' as Address]
  trap.refresh()
  trap.refresh()
  trap[Symbol.dispose]()
  await turns()
  const contexts = world.ring
    .entries()
    .flatMap(entry => (entry.entry === 'note' && 'context' in entry.what ? [entry.what.context] : []))
  const [, ...own] = contexts.map(context => [context.settings['lockout.first'], context.near?.own[0]])
  assert.deepEqual(own, [
    ['600', '192.0.2.1'],
    ['3600', '192.0.2.1'],
    ['3600', '192.0.2.7'],
  ])
  const near = neighbourhoodOf(contexts[1]!)
  assert.deepEqual(near, {
    own: ['192.0.2.1'],
    gateways: ['192.0.2.254'],
    resolvers: [],
    onLink6: [],
    links: [],
    inside: [],
  })
  const many = Array.from({ length: 20_000 }, (_, i) => `2001:db8::${i.toString(16)}` as Address)
  assert.equal(contextOf(world.settings(), { ...near!, own: many }).near, undefined, 'too many are left out')
})

test('a flood fills a quarter of the ring at once and then a day of it, but whoever is locked out is written', async () => {
  const world = fakeWorld()
  const trap = world.open(`[ring]\non = true\nsize = "1MB"\n[promotion]\nper_second = 0\n`)
  const flood = async (channel: 'late' | 'offence', first: number, count: number) => {
    for (let i = first; i < first + count; i++) {
      world.sockets.deliver([packet(`203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)], { channel })
      if (i % 100 === 0) await turns(3)
    }
  }
  await flood('late', 0, 4000)
  const { tooMany } = trap.ring()
  assert.ok(tooMany > 500, `${tooMany} of 4000 left out`)
  await flood('offence', 10_000, 300)
  assert.equal(trap.ring().tooMany, tooMany, 'the control: lockouts always')
  world.pass(12 * 3_600_000)
  await flood('late', 20_000, 1000)
  assert.equal(trap.ring().tooMany, tooMany, 'half a day fills it again')
  trap[Symbol.dispose]()
  await turns()
  const entries = world.ring.entries()
  const [late = [], offences = []] = ['late', 'offence'].map(one =>
    packetsIn(entries).filter(({ channel }) => channel === one),
  )
  assert.deepEqual([late.length, offences.length], [5000 - tooMany, 300])
  assert.ok(notesIn(entries).includes('left-out'), 'and the gap is told')
})

test('a disk that hangs stops nothing: what finds no room is counted, and told when it answers again', async () => {
  const world = fakeWorld()
  const trap = world.open(`${ON}size = "4GB"\n[promotion]\nper_second = 0\n`)
  const { promise, resolve } = Promise.withResolvers<void>()
  world.ring.hang = promise
  const count = 20_000
  for (let i = 0; i < count; i++)
    world.sockets.deliver([packet(`203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)])
  assert.equal(trap.counts().lockouts, count, 'locking out goes on')
  const { tooSlow } = trap.ring()
  assert.ok(tooSlow > 0 && tooSlow < count, `${tooSlow}`)
  resolve()
  world.ring.hang = undefined
  await turns()
  world.pass(61_000)
  world.sockets.deliver([packet('198.51.100.1')])
  await turns()
  trap[Symbol.dispose]()
  await turns()
  const entries = world.ring.entries()
  assert.equal(packetsIn(entries).length, count + 1 - tooSlow)
  assert.ok(world.ring.bytes.length < RING_WAITING_MAX * 1.1)
  const told = entries.flatMap(entry =>
    entry.entry === 'note' && entry.what.note === 'left-out' ? [entry.what.tooSlow] : [],
  )
  assert.equal(
    told.reduce((sum, one) => sum + one, 0),
    tooSlow,
  )
})

test('a person is forgotten: what came from him, was for him, or names him; also what has not been written yet', async () => {
  const world = fakeWorld()
  using trap = world.open(ON)
  world.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  world.sockets.deliver([{ ...packet('198.51.100.3'), destination: '198.51.100.1' }], { hook: 'forward' })
  trap.freeThese(['198.51.100.1', '198.51.100.2'] as Fly[], 'tester')
  assert.equal((await trap.forget([parsePrefix('198.51.100.1')!], 'anna')).packets, 2)
  const text = new TextDecoder('latin1').decode(world.ring.bytes)
  assert.ok(!text.includes('198.51.100.1"'))
  assert.ok(!text.includes('\xc6\x33\x64\x01'), 'as bytes')
  assert.ok(text.includes('198.51.100.2"') && text.includes('\xc6\x33\x64\x02'), 'the control')
  assert.equal(packetsIn(world.ring.entries()).length, 1)
})

test('damaged, cut and foreign files end in a sentence, and what was before is read', () => {
  const blocks = Array.from({ length: 50 }, (_, i) => blockOfPacket(seenOf(`198.51.100.${i}`)))
  const file = joined([headOf('1.0.0'), blockOfNote({ note: 'flushed' }, BEGIN), ...blocks])
  const read = (bytes: Uint8Array) => {
    const problems: string[] = []
    const entries = [...entriesOf([{ name: 'ring', bytes }], problem => problems.push(problem))]
    return { entries, problems }
  }
  assert.deepEqual([read(file).entries.length, read(file).problems], [51, []])
  for (const [bytes, why] of [
    [new Uint8Array(0), /it is empty/],
    [new TextEncoder().encode('a text of somebody else, long enough for a head'), /no pcapng file/],
    [joined([headOf('1').map((byte, i) => (i >= 32 && i < 41 ? 65 : byte)), ...blocks]), /not written by/],
    [file.subarray(0, file.length - 5), /ends in the middle of a block/],
  ] as const)
    assert.match(read(bytes).problems.join(), why)
  // A bit of each byte turned, and each cut: never an exception, never more than there was.
  for (let at = 0; at < Math.min(file.length, 3000); at++) {
    const turned = file.slice()
    turned[at]! ^= 1 << (at % 8)
    assert.ok(read(turned).entries.length <= 51)
    assert.ok(read(file.subarray(0, at)).entries.length <= 51)
    without(turned, [parsePrefix('198.51.100.0/24')!])
  }
})
