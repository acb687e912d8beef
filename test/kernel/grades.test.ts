/** What the settings make of pings, noise, protocols and single ports; and more strikes than one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { install, lockouts } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const PING = { icmp: 8, data: '\0\u0001\0\u0001ping' }
const KINDS = [PING, { udp: 5353 }, { protocol: 200 }, { tcp: 80 }] as const

async function gateAndSender(settings: string) {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.sysctl('net/ipv4/icmp_ratelimit', 0)
  const flypaperd = install(gate, settings)
  const daemon = await flypaperd.start()
  /** One packet of each kind, each from a source of its own; what came back, in their order. */
  const tries = async (round: number, kinds: readonly object[] = KINDS) => {
    const packets = kinds.map(
      (kind, i) => ({ source: `198.18.${round}.${i + 1}`, destination: GATE, ...kind }) as Outgoing,
    )
    const { answers } = await send(sender, { bursts: packets.map(packet => [packet]) })
    return packets.map(({ source }) => answers.find(({ destination }) => destination === source)?.kind)
  }
  return { world, gate, flypaperd, daemon, tries }
}

test('by default a ping is answered, noise is met with silence, strange protocols and closed ports stick', async () => {
  const { world, flypaperd, daemon, tries } = await gateAndSender('')
  await using _ = world
  using __ = flypaperd
  assert.deepEqual(await tries(1), ['icmp', undefined, undefined, undefined])
  await daemon.says(/lockout 198\.18\.1\.3, who tried protocol 200/)
  await daemon.says(/lockout 198\.18\.1\.4, who tried TCP-port 80/)
  assert.deepEqual(lockouts(daemon).sort(), ['198.18.1.3', '198.18.1.4'])
  const { kernel } = JSON.parse(await flypaperd.must('status', '--json')).daemon.counts
  assert.equal(kernel.noise, 1)
})

test('strict: pings and noise stick, but a port that is to be silent does not', async () => {
  const { world, flypaperd, daemon, tries } = await gateAndSender(
    '[evidence]\nping = "offence"\nnoise = "offence"\nprotocols = "never"\nsilent = ["tcp/80", "tcp/113"]',
  )
  await using _ = world
  using __ = flypaperd
  assert.deepEqual((await tries(1)).slice(0, 2), [undefined, undefined])
  await daemon.says(/lockout 198\.18\.1\.1, who tried ICMP-type 8/)
  await daemon.says(/lockout 198\.18\.1\.2, who tried UDP-port 5353/)
  assert.deepEqual(lockouts(daemon).sort(), ['198.18.1.1', '198.18.1.2'])
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string; because: string }[]
  assert.equal(flies.find(({ source }) => source === '198.18.1.1')?.because, 'ping')
  const { kernel } = JSON.parse(await flypaperd.must('status', '--json')).daemon.counts
  assert.equal(kernel.silent, 1)
})

test('ping = "silence": no answer, no lockout', async () => {
  const { world, flypaperd, daemon, tries } = await gateAndSender('[evidence]\nping = "silence"')
  await using _ = world
  using __ = flypaperd
  assert.deepEqual(await tries(1, [PING]), [undefined])
  await tries(2, [{ tcp: 81 }])
  await daemon.says(/lockout 198\.18\.2\.1,/)
  assert.deepEqual(lockouts(daemon), ['198.18.2.1'])
})

test('more than one closed port: the first is held, the second sticks', async () => {
  const { world, gate, flypaperd, daemon, tries } = await gateAndSender(
    'hold = "1s"\nevidence.stranger = { closed = 3 }',
  )
  await using _ = world
  using __ = flypaperd
  await tries(1, [{ tcp: 81 }])
  assert.match(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold']), /198\.18\.1\.1/)
  assert.deepEqual(lockouts(daemon), [])
  await new Promise(resolve => setTimeout(resolve, 1500))
  await tries(1, [{ tcp: 82 }])
  await daemon.says(/lockout 198\.18\.1\.1, who tried TCP-port 82, for 1h/)
})
