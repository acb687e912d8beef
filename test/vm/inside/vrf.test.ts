/** VRFs, which need a kernel that has them: gateways of their tables are near, what they forward is watched, and their services are seen. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveBy } from '../../support/bound-server.ts'
import { install, lockouts, lockoutsOf } from '../../support/daemon.ts'
import { send } from '../../support/sender.ts'
import { serve } from '../../support/server.ts'
import { type Host, makeWorld } from '../../support/world.ts'

const GATE = '192.0.2.1'
const BEHIND = '10.0.0.5'

/** Uplink and inner network are in one VRF. Port 80 is forwarded, 81 is not; and nobody inside may go to the other inner network. */
const RULES = `
table inet theirs {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    oifname "to-behind" tcp dport 80 accept
  }
}`

test('a VRF with its uplink: its gateway is near, what comes in by the uplink is watched, and hosts behind it are not', async () => {
  await using world = await makeWorld()
  const [gate, outside, behind, other] = (await Promise.all(
    ['gate', 'outside', 'behind', 'other'].map(name => world.host(name)),
  )) as [Host, Host, Host, Host]
  await gate.must(['sh', '-ec', 'ip link add blue type vrf table 10\nip link set blue up'])
  const ends = [
    [outside, 'to-outside', `${GATE}/24`, '192.0.2.9/24'],
    [behind, 'to-behind', '10.0.0.1/24', `${BEHIND}/24`],
    [other, 'to-other', '10.0.1.1/24', '10.0.1.5/24'],
  ] as const
  for (const [host, name, a, b] of ends) {
    await world.link(gate, host, { a: [a], b: [b] })
    await gate.must(['ip', 'link', 'set', name, 'master', 'blue'])
  }
  await gate.forward()
  await gate.must(['ip', 'route', 'add', 'default', 'via', '192.0.2.254', 'table', '10'])
  await gate.must(['ip', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.9', 'table', '10'])
  await outside.route('10.0.0.0/8', GATE)
  await behind.route('default', '10.0.0.1')
  await other.route('default', '10.0.1.1')
  await serve(behind, 'tcp:80', 'tcp:81')
  await gate.nft(RULES)
  using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
  const daemon = await flypaperd.start()
  const tries = async (from: Host, source: string, destination: string, ...ports: number[]) => {
    const bursts = [ports.map(tcp => ({ source, destination, tcp }))]
    return (await send(from, { bursts })).answers.map(({ kind }) => kind)
  }

  assert.ok((await tries(outside, '198.51.100.1', BEHIND, 80)).includes('syn-ack'), 'an innocent')
  // The gateway, and hosts behind: one that goes where it may not is not cut off.
  await tries(outside, '192.0.2.254', GATE, 20_000)
  await tries(other, '10.0.1.5', BEHIND, 81)
  await tries(other, '10.0.1.5', '198.51.100.7', 25)
  await sleep(1000)
  assert.deepEqual(lockouts(daemon), [])

  assert.deepEqual(await tries(outside, '198.51.100.2', BEHIND, 81, 80), [], 'refused, so it sticks')
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.2'])
  assert.deepEqual(await tries(outside, '198.51.100.3', GATE, 20_000), [])
  assert.deepEqual(await lockoutsOf(daemon, 2), ['198.51.100.2', '198.51.100.3'])
  assert.ok((await tries(outside, '198.51.100.1', BEHIND, 80)).includes('syn-ack'), 'still an innocent')
})

test('a service that is bound to an interface of a VRF, and starts while the daemon runs: its first client gets in; whoever tries another port sticks', async () => {
  await using world = await makeWorld()
  const [gate, outside] = (await Promise.all(['gate', 'outside'].map(name => world.host(name)))) as [
    Host,
    Host,
  ]
  await gate.must(['sh', '-ec', 'ip link add blue type vrf table 10\nip link set blue up'])
  await world.link(gate, outside, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.must(['ip', 'link', 'set', 'to-outside', 'master', 'blue'])
  await gate.must(['ip', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.9', 'table', '10'])
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  const daemon = await flypaperd.start()
  await serveBy(gate, 'to-outside', 8080)
  const tries = async (source: string, tcp: number) =>
    (await send(outside, { bursts: [[{ source, destination: GATE, tcp }]] })).answers.map(({ kind }) => kind)

  await tries('198.51.100.1', 8080)
  await sleep(1000)
  assert.deepEqual(lockouts(daemon), [])
  assert.ok((await tries('198.51.100.1', 8080)).includes('syn-ack'), 'its second SYN, a second later')
  assert.ok((await tries('198.51.100.2', 8080)).includes('syn-ack'), 'and everybody else')
  assert.deepEqual(await tries('198.51.100.3', 8081), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.3'])
})
