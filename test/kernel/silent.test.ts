/**
 * `silent`: its sender is not locked out and hears nothing, whoever would refuse him, and whatever is there for the packet gets it: in each
 * mode, for this machine and for hosts behind it, with both families, translated or not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { KNOCKING, KNOCKING_BY_RECENT, KNOCKING_OF_THE_WIKI, knocks } from '../support/knocking.ts'
import { serve } from '../support/server.ts'
import { answersTo, BEHIND, GATE, hosts } from '../support/silence.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SILENT = 'capture = "log"\n[evidence]\nsilent = ["tcp/113-114", "udp/113"]'
/** Each refused packet takes its way alone: the kernel limits ICMP errors of one target otherwise. */
const TRIES: readonly Partial<Outgoing>[] = [{ tcp: 113 }, { udp: 113 }]

const REJECT = 'meta l4proto { tcp, udp } th dport { 113, 115 } reject'
const RESET = 'tcp dport { 113, 115 } reject with tcp reset; udp dport { 113, 115 } reject'
const table = (hook: 'input' | 'forward', ...rules: string[]) => `table inet filter {
  chain flypaper_input { }
  chain flypaper_forward { }
  chain ${hook} {
    type filter hook ${hook} priority filter; policy drop;
    ct state established,related accept
    meta l4proto { icmp, icmpv6 } accept
    ${rules.join('\n')}
  }
}`

interface Case {
  readonly name: string
  readonly closed: 'listening' | 'unaccepted' | 'unmatched'
  readonly targets: readonly string[]
  readonly rules?: string
  /** Somebody listens on 113 and 115. */
  readonly serves?: 'gate' | 'behind'
}

const CASES: readonly Case[] = [
  { name: 'nobody listens, no firewall', closed: 'listening', targets: GATE },
  { name: 'nobody listens, no firewall', closed: 'unaccepted', targets: GATE },
  { name: 'rejected', closed: 'listening', targets: GATE, rules: table('input', REJECT) },
  { name: 'reset', closed: 'unaccepted', targets: GATE, rules: table('input', RESET) },
  {
    name: 'somebody listens, and it is rejected',
    closed: 'unaccepted',
    targets: GATE,
    rules: table('input', REJECT),
    serves: 'gate',
  },
  {
    name: 'rejected after the jump',
    closed: 'unmatched',
    targets: GATE,
    rules: table('input', 'jump flypaper_input', REJECT),
  },
  {
    name: 'forwarded, and reset after the jump',
    closed: 'unmatched',
    targets: BEHIND,
    rules: table('forward', 'jump flypaper_forward', RESET),
  },
  {
    name: 'forwarded, and rejected',
    closed: 'unaccepted',
    targets: BEHIND,
    rules: table('forward', REJECT),
    serves: 'behind',
  },
]

for (const { name, closed, targets, rules, serves } of CASES) {
  test(`${closed}, ${name}: no answer, no lockout`, async () => {
    await using world = await makeWorld()
    const { gate, sender, behind } = await hosts(world)
    if (serves !== undefined) await serve(serves === 'gate' ? gate : behind, 'tcp:113', 'tcp:115')
    if (rules !== undefined) await gate.nft(rules)
    const control = await answersTo(sender, targets, TRIES)
    assert.ok(!control.kinds.includes('nothing'), `the control: without the trap ${control.kinds}`)

    using flypaperd = install(gate, `closed = "${closed}"\n${SILENT}`)
    const daemon = await flypaperd.start()
    for (let round = 0; round < 2; round++) {
      const { kinds } = await answersTo(sender, targets, TRIES)
      assert.deepEqual([...new Set(kinds)], ['nothing'])
    }
    const offender = await answersTo(sender, targets, [{ tcp: 115 }])
    assert.deepEqual(
      (await lockoutsOf(daemon, 2)).sort(),
      offender.sources.sort(),
      'the control: another port',
    )
    await flypaperd.must('flush')
    flypaperd.settings(`closed = "${closed}"\ncapture = "log"\n[evidence]\nexcusable = []\n`)
    await flypaperd.must('reload')
    const { sources: loud } = await answersTo(sender, targets, [{ tcp: 113 }])
    await lockoutsOf(daemon, 4)
    assert.deepEqual(lockouts(daemon).slice(2).sort(), loud.sort(), 'the control: the same port, not silent')
  })
}

for (const closed of ['listening', 'unaccepted', 'unmatched', 'auto'] as const) {
  test(`port knocking by rules, closed = "${closed}": the knock is heard, the door opens`, async () => {
    await using world = await makeWorld()
    const { gate, sender } = await hosts(world)
    await serve(gate, 'tcp:22', 'tcp:80')
    await gate.nft(KNOCKING)
    const door = async (source: string) => (await knocks(sender, source, [22])).at(-1)
    assert.equal(await door('198.51.100.1'), 'nothing', 'the control: who has not knocked')
    assert.equal((await knocks(sender, '198.51.100.2', [7000, 8000, 9000, 22])).at(-1), 'syn-ack')

    const silent = closed === 'auto' ? '' : '[evidence]\nsilent = ["tcp/7000", "tcp/8000", "tcp/9000"]'
    const chains = closed === 'unmatched' ? '[chains]\ninput = ["input"]' : ''
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\n${silent}\n${chains}`)
    const daemon = await flypaperd.start()
    const heard = await knocks(sender, '198.51.100.3', [7000, 8000, 9000, 22])
    assert.deepEqual(heard, ['nothing', 'nothing', 'nothing', 'syn-ack'])
    await knocks(sender, '198.51.100.4', [82])
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.4'], 'the control: a scanner')
    if (closed === 'auto') return

    flypaperd.settings(`closed = "${closed}"\ncapture = "log"\n${chains}`)
    await flypaperd.must('reload')
    await knocks(sender, '198.51.100.5', [7000, 8000, 9000, 22])
    const locksOut = closed !== 'unmatched'
    const all = ['198.51.100.4', ...(locksOut ? ['198.51.100.5'] : [])]
    assert.deepEqual(await lockoutsOf(daemon, all.length), all, 'without `silent`: the first knock')
  })
}

const OTHER_RULES: readonly (readonly [string, (gate: Host) => Promise<unknown>])[] = [
  [
    'iptables, recent',
    async gate => {
      for (const line of KNOCKING_BY_RECENT) await gate.must(['iptables-nft', ...line.split(' ')])
    },
  ],
  ['the wiki of nftables', gate => gate.nft(KNOCKING_OF_THE_WIKI)],
]

for (const [name, load] of OTHER_RULES) {
  test(`port knocking by other rules, auto: ${name}`, async () => {
    await using world = await makeWorld()
    const { gate, sender } = await hosts(world)
    await serve(gate, 'tcp:22', 'tcp:80')
    await load(gate)
    using flypaperd = install(gate, 'capture = "log"')
    const daemon = await flypaperd.start()
    await daemon.says(
      /<4>closed = "auto" takes "listening", since table .* lets in who knocks at tcp\/7000, tcp\/8000/,
    )
    const heard = await knocks(sender, '198.51.100.3', [7000, 8000, 9000, 22])
    assert.deepEqual(heard, ['nothing', 'nothing', 'nothing', 'syn-ack'])
    assert.notEqual(
      (await knocks(sender, '198.51.100.4', [22]))[0],
      'syn-ack',
      'the control: who has not knocked',
    )
    await knocks(sender, '198.51.100.5', [82])
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.5'], 'the control: a scanner')
    assert.match(await flypaperd.must('doctor'), /lets in who knocks at tcp\/7000.*nobody is\s+locked\s+out/s)
  })
}
