/** closed = "unaccepted": who must not be hurt by it, each beside somebody who is locked out in the same world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SETTINGS = 'closed = "unaccepted"\ncapture = "log"'
const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
/** Ports on which somebody listens, and that nobody accepts. */
const REFUSED = [81, 82, 83, 84]
/** Two looks, and what a busy machine needs for them. */
const LOOKED_MS = 1500

/** Two hosts outside, and one by which forged packets come, a gateway itself; `rules` come before those that accept port 22, and `more` are further tables. */
async function besideFirewall(world: Awaited<ReturnType<typeof makeWorld>>, { rules = '', more = '' } = {}) {
  const gate = await world.host('gate')
  const outside = await Promise.all(['one', 'other', 'sender'].map(name => world.host(name)))
  for (const [i, host] of outside.entries()) {
    const net = `192.0.${i + 2}`
    const net6 = `2001:db8:${i + 1}`
    await world.link(gate, host, {
      a: [`${net}.1/24`, `${net6}::1/64`],
      b: [`${net}.9/24`, `${net6}::9/64`],
    })
    await host.route('default', `${net}.1`)
    await host.route('::/0', `${net6}::1`)
  }
  const [one, other, sender] = outside as [Host, Host, Host]
  await gate.route('198.51.100.0/24', '192.0.4.9')
  await gate.route('2001:db8:51::/48', '2001:db8:3::9')
  await serve(
    gate,
    'tcp:22',
    'tcp:86',
    'udp:1053',
    'udp:40000',
    ...REFUSED.map(port => `tcp:${port}` as const),
  )
  await gate.nft(`table inet theirs {
    chain input {
      type filter hook input priority filter; policy drop;
      ct state established,related accept
      meta l4proto icmpv6 accept
      ${rules}
      tcp dport 22 accept
    }
  }
  ${more}`)
  const packets = async (source: string, ...what: Carries[]) => {
    const destination = source.includes(':') ? GATE6 : GATE
    const { answers } = await send(sender, {
      bursts: [what.map(carries => ({ source, destination, ...carries }))],
    })
    return answers.map(({ kind }) => kind)
  }
  return { gate, one, other, packets }
}

/** Opens so many connections at once, and tells how many were greeted within some seconds. */
const CONNECT = `
const [host, port, count] = process.argv.slice(1)
let greeted = 0
const tell = () => { console.log(greeted); process.exit() }
setTimeout(tell, 20_000)
for (let i = 0; i < Number(count); i++)
  require('node:net').connect(Number(port), host).on('error', () => {}).once('data', () => ++greeted == count && tell())`

const SNAT = `table inet theirnat {
  chain input {
    type nat hook input priority 100; policy accept;
    tcp dport 22 ip saddr 192.0.2.9 snat ip to 192.0.2.77
  }
}`

test('two hosts with 200 connections each at the same moment are all served, also where their source is translated', async () => {
  await using world = await makeWorld()
  const { gate, one, other, packets } = await besideFirewall(world, { more: SNAT })
  using flypaperd = install(gate, SETTINGS)
  const daemon = await flypaperd.start()
  for (const target of [GATE, GATE6]) {
    const greeted = await Promise.all(
      [one, other].map(host =>
        host.must([process.execPath, '-e', CONNECT, target, '22', '200'], { timeout: 60_000 }),
      ),
    )
    assert.deepEqual(greeted.map(Number), [200, 200], target)
  }
  await sleep(LOOKED_MS)
  assert.deepEqual(lockouts(daemon), [])
  for (const set of ['flypaper_pending', 'flypaper_pending6', 'flypaper_passing', 'flypaper_passing6'])
    assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]), /elements/, set)
  assert.deepEqual(await packets('198.51.100.1', { tcp: 81 }, { tcp: 22 }), [], 'the control')
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'])
})

test('a rate limit on a door that is open is no offence', async () => {
  await using world = await makeWorld()
  const { gate, packets } = await besideFirewall(world, {
    rules: 'tcp dport 22 limit rate over 1/hour burst 1 packets drop',
  })
  using flypaperd = install(gate, SETTINGS)
  const daemon = await flypaperd.start()
  assert.deepEqual(await packets('198.51.100.10', { tcp: 22 }), ['syn-ack'], 'within the limit')
  for (const i of [11, 12, 13]) assert.deepEqual(await packets(`198.51.100.${i}`, { tcp: 22 }), [], 'over it')
  assert.deepEqual(await packets('198.51.100.1', { tcp: 81 }), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'], 'the control alone')
  await sleep(LOOKED_MS)
  assert.deepEqual(lockouts(daemon), ['198.51.100.1'])
})

test('the grading stands: never-list, ports of the settings, late answers, known clients', async () => {
  await using world = await makeWorld()
  const { gate, one, packets } = await besideFirewall(world)
  const lists = 'never = ["198.51.100.7", "2001:db8:51:7::7"]\n[evidence]\nsilent = ["tcp/84"]'
  using flypaperd = install(gate, `${SETTINGS}\n${lists}`)
  const daemon = await flypaperd.start()
  const innocent: [string, string, Carries][] = [
    ['on the never-list', '198.51.100.7', { tcp: 81 }],
    ['on the never-list, IPv6', '2001:db8:51:7::7', { tcp: 81 }],
    ['a port that the settings name', '198.51.100.20', { tcp: 84 }],
    ['a late answer', '198.51.100.21', { udp: 1053, from: 53 }],
    ['UDP to a port from which we ask', '2001:db8:51:22::7', { udp: 40_000 }],
  ]
  for (const [what, source, carries] of innocent)
    assert.deepEqual(await packets(source, carries, { tcp: 22 }), ['syn-ack'], what)
  for (const source of ['198.51.100.1', '2001:db8:51:1::7'])
    assert.deepEqual(await packets(source, { udp: 1053 }, { tcp: 22 }), [], 'the control')
  await lockoutsOf(daemon, 2)
  await sleep(LOOKED_MS)
  assert.deepEqual(lockouts(daemon).sort(), ['198.51.100.1', '2001:db8:51:1::/64'])

  // A client that is known: three different ports, as everywhere.
  const greets = async (port: number) =>
    (await one.run(['nc', '-w', '1', GATE, String(port)])).stdout.includes('port')
  assert.ok(await greets(22))
  for (const port of [81, 82]) {
    assert.equal(await greets(port), false)
    assert.ok(await greets(22), `after port ${port}`)
  }
  assert.equal(await greets(83), false)
  assert.ok((await lockoutsOf(daemon, 3)).includes('192.0.2.9'))
  assert.equal(await greets(22), false)
  assert.match(await flypaperd.must('why', '192.0.2.9'), /the different ports that it tried are too many/)
})

/** A door of which conntrack knows nothing, and one whose first packets the kernel answers in place of the service. */
const UNTRACKED = `table inet theirraw {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    tcp dport { 82, 86 } tcp flags syn notrack
  }
}`

test('what conntrack does not see is not watched: notrack, synproxy', async () => {
  await using world = await makeWorld()
  const { gate, one, packets } = await besideFirewall(world, {
    rules:
      'tcp dport 86 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\n      tcp dport 86 ct state new accept',
    more: UNTRACKED,
  })
  await gate.sysctl('net/netfilter/nf_conntrack_tcp_loose', 0)
  using flypaperd = install(gate, SETTINGS)
  const daemon = await flypaperd.start()
  assert.match((await one.run(['nc', '-w', '2', GATE, '86'])).stdout, /port 86/, 'by synproxy')
  assert.deepEqual(await packets('198.51.100.20', { tcp: 82 }, { tcp: 22 }), ['syn-ack'])
  assert.deepEqual(await packets('198.51.100.1', { tcp: 81 }, { tcp: 22 }), [], 'the control')
  await lockoutsOf(daemon, 1)
  await sleep(LOOKED_MS)
  assert.deepEqual(lockouts(daemon), ['198.51.100.1'])
})

test('without a daemon the kernel holds whom others refuse; the next daemon locks him out, and modes change both ways', async () => {
  await using world = await makeWorld()
  const { gate, packets } = await besideFirewall(world)
  using flypaperd = install(gate, `hold = "60s"\n${SETTINGS}`)
  const daemon = await flypaperd.start()
  const before = await gate.must(['nft', '-s', 'list', 'table', 'inet', 'filter'])
  process.kill(JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.pid, 'SIGKILL')
  await daemon.ended
  assert.deepEqual(await packets('198.51.100.1', { tcp: 81 }, { tcp: 22 }), [], 'held')
  assert.deepEqual(await packets('198.51.100.2', { tcp: 22 }), ['syn-ack'], 'the control')
  const next = await flypaperd.start()
  assert.deepEqual(await lockoutsOf(next, 1), ['198.51.100.1'])
  await flypaperd.must('free', '198.51.100.1')
  assert.deepEqual(await packets('198.51.100.1', { tcp: 22 }), ['syn-ack'], 'freed: not pending either')

  assert.deepEqual(await packets('198.51.100.3', { tcp: 81 }, { tcp: 22 }), [])
  flypaperd.settings('closed = "listening"\ncapture = "log"')
  await flypaperd.must('reload')
  const names = /flypaper_(watch|end|refusal|passing|accepted|unsure)/
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), names, 'nothing of it stays')
  assert.deepEqual(
    await packets('198.51.100.4', { tcp: 81 }, { tcp: 22 }),
    ['syn-ack'],
    'refused by them, not by us',
  )
  flypaperd.settings(`hold = "60s"\n${SETTINGS}`)
  await flypaperd.must('reload')
  const after = await gate.must(['nft', '-s', 'list', 'table', 'inet', 'filter'])
  assert.deepEqual(rulesOf(after), rulesOf(before))
  assert.deepEqual(await packets('198.51.100.5', { tcp: 81 }, { tcp: 22 }), [])
  assert.deepEqual(
    (await lockoutsOf(next, 3)).filter(source => source === '198.51.100.5'),
    ['198.51.100.5'],
  )

  // Somebody flushes everything, his own rules among it, and loads those again.
  const theirs = await gate.must(['nft', '-s', 'list', 'table', 'inet', 'theirs'])
  await gate.nft(`flush ruleset\n${theirs}`)
  await next.says(/armed again/)
  assert.deepEqual(await packets('198.51.100.6', { tcp: 81 }, { tcp: 22 }), [])
  assert.deepEqual((await lockoutsOf(next, 4)).at(-1), '198.51.100.6')
  await flypaperd.must('flush')
  await flypaperd.must('stop')
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /flypaper/)
})

/** The chains; sets come in another order when they are made anew, and have elements. */
function rulesOf(listing: string): readonly string[] {
  const objects = listing.replace(/\n\}\s*$/, '').split(/\n(?=\t(?:set|chain) )/)
  return objects
    .filter(text => text.startsWith('\tchain'))
    .map(text => text.trim())
    .sort()
}
