/**
 * Whoever hides what he wants behind long headers, many headers or in fragments sticks as whoever does not; whose headers are honest, however
 * long, is read. In each mode.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Carries, Outgoing } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { firewall, GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { makeWorld, type World } from '../support/world.ts'

/** More headers than anybody sends; the kernel takes them all. */
const MANY = Array.from({ length: 9 }, () => 8)
/** What fits into a packet of this link, and is legal. */
const LONG = [800, 512]
const CLOSED = 9001
const OPEN = firewall('tcp dport 22', 'udp dport 5000')
const MODES = [
  { closed: 'listening', rules: '' },
  { closed: 'unmatched', rules: OPEN },
  { closed: 'unaccepted', rules: OPEN },
] as const

async function armed(world: World, { closed, rules }: (typeof MODES)[number]) {
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24', '2001:db8:2::/48')
  await serve(gate, 'tcp:22', 'udp:5000')
  if (rules !== '') await gate.nft(rules)
  const flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
  const daemon = await flypaperd.start()
  let from = 30_000
  /** What each is answered; a packet of several pieces is sent as fragments. */
  const answers = async (
    source: string,
    what: Carries & Pick<Outgoing, 'options'>,
    ...pieces: readonly (readonly [number, number])[]
  ) => {
    const destination = source.includes(':') ? GATE6 : GATE
    from += 1
    const whole: Outgoing = { source, destination, from, ...what }
    const burst = pieces.length === 0 ? [whole] : pieces.map(piece => ({ ...whole, piece }))
    const sent = await send(scanner, { bursts: [burst], wait: 200 })
    return sent.answers.map(({ kind }) => kind)
  }
  return { gate, scanner, flypaperd, daemon, answers }
}

for (const mode of MODES)
  test(`${mode.closed}: headers that are too many hide nothing, and those that are long are read`, async () => {
    await using world = await makeWorld()
    const { gate, scanner, flypaperd, daemon, answers } = await armed(world, mode)
    using _ = flypaperd
    const greet = async (source: string) => {
      const { stdout } = await scanner.run(['nc', '-N', '-w', GREETING_S, '-s', source, GATE6, '22'], {
        input: 'x\n',
      })
      assert.match(stdout, /port 22/)
    }
    const many = { options: MANY }
    const open = await answers('2001:db8:2:1::7', { tcp: 22, ...many })
    assert.deepEqual(open, ['syn-ack'], 'to an open port it is no offence')
    assert.deepEqual(await answers('2001:db8:2:2::7', { tcp: CLOSED, ...many }), [])
    await daemon.says(/lockout 2001:db8:2:2::\/64, who tried protocol 60/)
    assert.match(await flypaperd.must('why', '2001:db8:2:2::7'), /hide what it wanted/)
    assert.deepEqual(await answers('2001:db8:2:2::7', { tcp: 22 }), [])

    // Of whom one packet proves nothing: the third sticks, also where nobody can tell which ports they wanted.
    for (const n of [3, 4, 5]) await scanner.must(['ip', 'address', 'add', `2001:db8:2:${n}::7`, 'dev', 'lo'])
    for (const n of [3, 4]) await greet(`2001:db8:2:${n}::7`)
    await gate.run(['nc', '-z', '-w', '1', '2001:db8:2:5::7', '7'])
    for (const source of ['2001:db8:2:3::7', '2001:db8:2:5::7']) {
      for (const tcp of [81, 82]) await answers(source, { tcp, ...many })
      assert.deepEqual(await answers(source, { tcp: 22 }), ['syn-ack'], 'two are nothing yet')
      await answers(source, { tcp: 83, ...many })
      await daemon.says(new RegExp(`lockout ${source.slice(0, -1)}/64`))
    }
    assert.match(
      await flypaperd.must('why', '2001:db8:2:3::7'),
      /hidden 1 \(2\) \+ hidden 2 \(2\) \+ hidden 3 \(2\) = 6/,
    )

    const long = { options: LONG }
    assert.deepEqual(await answers('2001:db8:2:4::7', { tcp: 22, ...long }), ['syn-ack'])
    for (const tcp of [81, 82, 83]) assert.deepEqual(await answers('2001:db8:2:4::7', { tcp, ...long }), [])
    await daemon.says(/lockout 2001:db8:2:4::\/64/)
    assert.match(await flypaperd.must('why', '2001:db8:2:4::7'), /81 \(2\) \+ 82 \(2\) \+ 83 \(2\) = 6/)

    // The longest legal chain comes in fragments, which are put together before anybody judges.
    const longest = { options: [2048, 2048, 2048, 2048] }
    const pieces = [0, 1400, 2800, 4200, 5600, 7000].map(at => [at, Math.min(at + 1400, 8212)] as const)
    assert.deepEqual(await answers('2001:db8:2:6::7', { tcp: CLOSED, ...longest }, ...pieces), [])
    await daemon.says(new RegExp(`lockout 2001:db8:2:6::/64, who tried TCP-port ${CLOSED}`))
    assert.deepEqual(
      await answers('2001:db8:2:7::7', { tcp: 22, ...longest }, ...pieces),
      ['syn-ack'],
      'the control',
    )
    assert.equal(lockouts(daemon).length, 5)
  })

/** Within the ports, before the flags, in the middle of the options of IPv6. */
const SPLIT = [
  [0, 8],
  [8, 20],
] as const

for (const mode of MODES)
  test(`${mode.closed}: a TCP header that is split over fragments, or ends too early`, async () => {
    await using world = await makeWorld()
    const { flypaperd, daemon, answers } = await armed(world, mode)
    using _ = flypaperd
    // IPv4 puts all fragments together.
    assert.deepEqual(await answers('198.51.100.1', { tcp: 22 }, ...SPLIT), ['syn-ack'], 'the control')
    assert.deepEqual(await answers('198.51.100.2', { tcp: CLOSED }, ...SPLIT), [])
    await daemon.says(new RegExp(`lockout 198.51.100.2, who tried TCP-port ${CLOSED}`))
    // IPv6 does not: a first fragment has all headers, or nobody takes it (RFC 8200, section 4.5).
    assert.deepEqual(await answers('2001:db8:2:1::7', { tcp: 22 }), ['syn-ack'], 'the control')
    assert.deepEqual(await answers('2001:db8:2:2::7', { tcp: CLOSED }, ...SPLIT), [])
    await daemon.says(/lockout 2001:db8:2:2::\/64, who tried protocol 6/)
    const cut = [
      [0, 16],
      [16, 84],
    ] as const
    assert.deepEqual(await answers('2001:db8:2:3::7', { tcp: CLOSED, options: [64] }, ...cut), [])
    await daemon.says(/lockout 2001:db8:2:3::\/64, who tried protocol 60/)
    // Nothing follows.
    for (const [source, fly] of [
      ['198.51.100.4', '198.51.100.4'],
      ['2001:db8:2:4::7', '2001:db8:2:4::/64'],
    ] as const) {
      assert.deepEqual(await answers(source, { protocol: 6, data: 'fourteen' }), [])
      await daemon.says(new RegExp(`lockout ${fly}, who tried protocol 6`))
      assert.match(await flypaperd.must('why', source), /hide what it wanted/)
    }
    // Whole in the first fragment: what is honest of it.
    const atomic = [[0, 28]] as const
    assert.deepEqual(await answers('2001:db8:2:5::7', { tcp: 22, data: 'x'.repeat(8) }, ...atomic), [
      'syn-ack',
    ])
    const datagram = { udp: 5000, data: 'x'.repeat(2000) }
    const two = [
      [0, 1400],
      [1400, 2008],
    ] as const
    for (const source of ['198.51.100.5', '2001:db8:2:5::7'])
      assert.notDeepEqual(await answers(source, datagram, ...two), [])
    assert.equal(lockouts(daemon).length, 5)
  })

for (const mode of MODES)
  test(`${mode.closed}: later fragments that nobody puts together before the trap are no offence`, async () => {
    await using world = await makeWorld()
    const { gate, flypaperd, daemon, answers } = await armed(world, mode)
    using _ = flypaperd
    // As raw_before_defrag does it.
    await gate.nft(`table inet raw { chain early {
      type filter hook prerouting priority -460
      meta l4proto { tcp, udp } notrack
    }\n}`)
    const datagram = { udp: 5000, data: 'x'.repeat(3000) }
    const three = [
      [0, 1400],
      [1400, 2800],
      [2800, 3008],
    ] as const
    for (const source of ['198.51.100.7', '2001:db8:2:7::7']) {
      const served = await answers(source, datagram, ...three)
      // The rules beside us let in by port, and a later fragment has none.
      if (mode.closed === 'listening') assert.notDeepEqual(served, [])
      // They come before their first, or without it, with what looks like flags of a scan where a header would have them.
      await answers(source, { tcp: 22, data: '\u0003'.repeat(3000) }, ...three.slice(1))
      for (const set of ['flypaper_hold', 'flypaper_hold6', 'flypaper_pending', 'flypaper_pending6'])
        assert.deepEqual(await listed(gate, set), [], set)
    }
    assert.deepEqual(lockouts(daemon), [])
    // The control: the first of them counts, and what is no fragment.
    const closed = { udp: 5001, data: datagram.data }
    for (const source of ['198.51.100.8', '2001:db8:2:8::7']) await answers(source, closed, ...three)
    await answers('2001:db8:2:9::7', { udp: 5001 })
    assert.deepEqual(await lockoutsOf(daemon, 3), ['198.51.100.8', '2001:db8:2:8::/64', '2001:db8:2:9::/64'])
  })
