/** What a capture file becomes: who is protected, which ports are open, and all that is left out is counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode, type Outgoing } from '../../src/prove/packets.ts'
import { LISTENERS_MAX } from '../../src/replay/ports.ts'
import { remarksOf } from '../../src/replay/remarks.ts'
import { PACKETS_MAX, type Script, scriptOf } from '../../src/replay/script.ts'
import { ethernet, pcap, pcapng, type Recorded, recorded, session } from '../support/capture-files.ts'

const [SERVER, CLIENT, SCANNER] = ['192.0.2.1', '203.0.113.5', '203.0.113.66']
const scan = (ports: number, source = SCANNER): Outgoing[] =>
  Array.from({ length: ports }, (_, i) => ({ source, destination: SERVER, tcp: 8_000 + i }))

function script(packets: readonly Outgoing[] | Buffer, as: readonly string[] = []): Script {
  const made = scriptOf(Buffer.isBuffer(packets) ? packets : pcap(recorded(packets)), as)
  if ('unplayable' in made) throw new Error(made.unplayable)
  return made
}

function why(file: Buffer, as: readonly string[] = []): string {
  const made = scriptOf(file, as)
  return 'unplayable' in made ? made.unplayable : 'it can be played'
}

const remarks = (one: Script, refused = {}) => remarksOf(one, { refused }, true).join('\n')

test('the busiest is protected; what it answers is open, and what comes in and goes out is told apart', () => {
  const one = script([...session(CLIENT, SERVER, 22), ...scan(3)])
  assert.deepEqual(one.own, [SERVER])
  assert.deepEqual([one.packets, one.hosts], [{ in: 8, out: 3 }, 2])
  assert.deepEqual(one.services, [{ protocol: 'tcp', port: 22 }])
  assert.deepEqual([one.flows.headless(), one.flows.halved(), remarks(one)], [0, 0, ''])
  assert.deepEqual(
    one.lines.slice(-1).map(({ number, isOut, source, tried }) => [number, isOut, source, tried]),
    [[11, false, SCANNER, { kind: 'tcp', port: 8_002, from: 40_000, flags: 2 }]],
  )
  assert.ok(Math.abs(one.lines[10]!.at - 100) < 0.01, 'milliseconds since the first')
})

test('of two that are as busy, the one that something came to, then the private one', () => {
  const there: Outgoing = { source: '198.51.100.7', destination: '203.0.113.9', udp: 514 }
  assert.deepEqual(script([there, there]).own, ['203.0.113.9'])
  const both = session('10.0.0.7', '203.0.113.9', 443)
  assert.deepEqual(script(both).own, ['10.0.0.7'])
})

test('--as takes another one, several of one host, and none that is not there', () => {
  const packets = [...session(CLIENT, SERVER, 22), ...session('2001:db8::5', '2001:db8:1::1', 22), ...scan(3)]
  const one = script(packets, [CLIENT])
  assert.deepEqual([one.own, one.packets], [[CLIENT], { in: 3, out: 5 }])
  assert.match(
    remarks(one),
    /^Between other hosts, and left out: 11 packets\. The busiest of them is \S+: --as/,
  )
  const two = script(packets, [SERVER, '2001:db8:1::1'])
  assert.deepEqual(two.packets, { in: 13, out: 6 })
  assert.match(remarks(two), /One host has all these addresses/)
  assert.match(why(pcap(recorded(packets)), ['192.0.2.77']), /^192\.0\.2\.77 is not in it; the busiest is/)
})

test('one-sided: nothing of the host at all, or not of one flow', () => {
  const inward = session(CLIENT, SERVER, 22).filter(({ source }) => source === CLIENT)
  const silent = script([...inward, ...scan(2)])
  assert.deepEqual([silent.own, silent.packets.out, silent.flows.halved()], [[SERVER], 0, 1])
  assert.match(remarks(silent), /says nothing in this file, so every port of it is closed here/)
  const half = script([...inward, ...session('203.0.113.8', SERVER, 25)])
  assert.match(remarks(half), /no answer is in the file: 1\. Such a port is closed here/)
  assert.deepEqual([half.flows.of(CLIENT).isHalved, half.flows.of('203.0.113.8').isHalved], [true, false])
  const unanswered = script([...scan(3), ...session(CLIENT, SERVER, 22)])
  assert.equal(unanswered.flows.halved(), 0, 'who is not answered, and does not go on')
  const acks = scan(3).map(one => ({ ...one, flags: 0x10 }) as Outgoing)
  assert.equal(
    script([...acks, ...session(CLIENT, SERVER, 22)]).flows.halved(),
    0,
    'an ACK scan asked for nothing',
  )
})

test('mid-stream: what goes on without having begun, and the port that it was called from', () => {
  const late = script([...session(CLIENT, SERVER, 22).slice(2), ...session('203.0.113.8', SERVER, 22)])
  assert.equal(late.flows.headless(), 1)
  assert.match(remarks(late), /without a beginning in the file, which conntrack does not know here: 1\./)
  assert.deepEqual([late.flows.of(CLIENT).isHeadless, late.flows.of('203.0.113.8').isHeadless], [true, false])
  assert.deepEqual(late.callsFrom, { least: 32_768, most: 60_999 })
  const called = script(session(SERVER, CLIENT, 443, 3_480).slice(2), [SERVER])
  assert.deepEqual(called.callsFrom, { least: 3_480, most: 60_999 })
  assert.match(remarks(called), /calls others from ports 3480 to 60999/)
  const begun = script(
    [
      ...session(SERVER, CLIENT, 5_432, 61_000),
      ...session(SERVER, CLIENT, 25, 2_000),
      ...session(SERVER, CLIENT, 4_000, 20),
    ],
    [SERVER],
  )
  assert.deepEqual(begun.callsFrom, { least: 2_000, most: 61_000 })
})

test('what cannot be played is counted: other links, not IP, cut, damaged, to others, refused by the kernel', () => {
  const packets = session(CLIENT, SERVER, 22).map(encode)
  const bad = encode({ source: SCANNER, destination: SERVER, tcp: 9 })
  bad[0] = 0x41
  const frames: Recorded[] = [
    ...packets.map(ip => ({ bytes: ethernet(ip) })),
    { bytes: ethernet(bad) },
    { bytes: ethernet(packets[0]!).subarray(0, 40), length: 54 },
    { bytes: Buffer.concat([Buffer.alloc(12), Buffer.from([8, 6]), Buffer.alloc(28)]) },
    { bytes: ethernet(encode({ source: SCANNER, destination: CLIENT, udp: 9 })) },
  ]
  const one = script(pcap(frames, { link: 1 }), [SERVER])
  const { cut, damaged, notIp, elsewhere } = one.left
  assert.deepEqual([cut, damaged, notIp, elsewhere], [1, 1, 1, 1])
  const said = remarks(one, { 'out 1': 4, 'in 90': 2 })
  for (const sentence of [/^Not IP.*: 1 packet\.$/m, /^Cut off.*: 1 packet\.$/m, /^Damaged.*: 1 packet\.$/m])
    assert.match(said, sentence)
  assert.match(said, /^Refused by the kernel of the clone: in, errno 90: 2 packets\.$/m)
  const mixed = Buffer.concat([
    pcapng(packets.map(bytes => ({ bytes }))),
    pcapng([{ bytes: Buffer.alloc(60) }], { link: 105 }),
  ])
  assert.match(remarks(script(mixed)), /^Link types that are not understood: 105 \(1 packets\)\.$/m)
})

test('a file without anybody who could stick says so', () => {
  const ping = (source: string, destination: string): Outgoing => ({ source, destination, icmp: 8 })
  assert.match(why(pcap([])), /no host in it can be played: it has no packets/)
  assert.match(why(pcap([{ bytes: Buffer.alloc(60) }], { link: 105 })), /the link type 105 is not understood/)
  assert.match(
    why(pcap(recorded([ping('127.0.0.1', '127.0.0.1')]))),
    /of 1 packets 0 are not IP.* of loopback/,
  )
  const outward = recorded([ping(SERVER, '203.0.113.1'), ping(SERVER, '203.0.113.2')])
  assert.match(why(pcap(outward)), /^nothing comes to 192\.0\.2\.1 in it, so nobody could stick$/)
  assert.match(why(Buffer.from('no capture')), /neither as pcap nor as pcapng/)
})

test('a card that fills checksums in: all are made anew; a scanner that sends wrong ones is left', () => {
  const wrong = (packets: readonly Outgoing[]) => packets.map(one => ({ ...one, damaged: true }) as Outgoing)
  const offloaded = script(wrong(session(CLIENT, SERVER, 22)), [SERVER])
  assert.equal(offloaded.isOffloaded, true)
  const right = session(CLIENT, SERVER, 22).map(encode)
  assert.deepEqual(
    offloaded.lines.filter(({ isOut }) => !isOut).map(({ bytes }) => bytes),
    right.filter(bytes => bytes.subarray(12, 16).equals(Buffer.from([203, 0, 113, 5]))),
  )
  const honest = script([...session(CLIENT, SERVER, 22), ...wrong(scan(3))])
  assert.deepEqual([honest.isOffloaded, honest.lines.at(-1)!.bytes], [false, encode(wrong(scan(3))[2]!)])
})

test('packets and listeners are bounded, and what is beyond is said', () => {
  const answers = Array.from({ length: LISTENERS_MAX + 5 }, (_, i): Outgoing => {
    return { source: SERVER, destination: CLIENT, udp: 53, from: 1_024 + i }
  })
  const asked: Outgoing = { source: CLIENT, destination: SERVER, udp: 1_024 + LISTENERS_MAX + 4, from: 53 }
  const many = script([asked, ...answers], [SERVER])
  assert.deepEqual([many.services.length, many.unheard], [LISTENERS_MAX, 5])
  assert.deepEqual(many.services[0]!.port, asked.udp, 'whoever was asked first is a service')
  const [one] = recorded(scan(1))
  const flood = script(pcap(Array.from({ length: PACKETS_MAX + 7 }, () => one!)))
  assert.deepEqual([flood.lines.length, flood.left.beyond], [PACKETS_MAX, 7])
  assert.match(
    remarks(flood),
    /^Not played, since 20000 packets of 64 MB are the most: 7 packets, the last ones\.$/m,
  )
})
