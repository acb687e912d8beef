/** Nobody is hurt by arming: connections that live go on, and after boot everybody gets time to come up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** His chain accepts nothing that is new: what conntrack does not know comes to the judge. */
const FIREWALL = `table inet filter {
  chain flypaper_input { }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    jump flypaper_input
  }
}`

async function neighbours() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const friend = await world.host('friend')
  await world.link(gate, friend, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24', '192.0.2.10/24'] })
  return { world, gate, friend }
}

for (const [mode, firewall] of [
  ['listening', undefined],
  ['unmatched', FIREWALL],
] as const) {
  test(`a TCP connection that is older than the trap goes on: closed = ${mode}`, async () => {
    const { world, gate, friend } = await neighbours()
    await using _ = world
    await serve(gate, 'tcp:22')
    const far = await friend.start(['nc', '-l', '7000'])
    await friend.must(['sh', '-c', 'until ss -Hltn | grep -q :7000; do sleep 0.05; done'])
    const incoming = await friend.start(['nc', '192.0.2.1', '22'])
    const outgoing = await gate.start(['nc', '192.0.2.9', '7000'])
    // The first packet of each round comes from there: one from here would make conntrack know the connection.
    const everybodyHears = async (word: string) => {
      await hears(incoming, incoming, word)
      await hears(far, outgoing, word)
      await hears(outgoing, far, `${word} too`)
    }
    await everybodyHears('before')
    assert.equal((await gate.must(['conntrack', '-L'])).trim(), '', 'conntrack is not at work yet')

    if (firewall !== undefined) await gate.nft(firewall)
    using flypaperd = install(gate, `closed = "${mode}"`)
    const daemon = await flypaperd.start()
    await everybodyHears('armed')
    assert.notEqual((await gate.must(['conntrack', '-L'])).trim(), '', 'conntrack is at work')
    await gate.must(['conntrack', '-F'])
    await everybodyHears('forgotten')

    await assertSpared(gate, daemon)
    await assertOffenderSticks(friend, daemon)
  })
}

test('a late packet does not map the ports: open or closed, its sender hears nothing', async () => {
  const { world, gate, friend } = await neighbours()
  await using _ = world
  await serve(gate, 'tcp:22')
  const late = [22, 81].flatMap(tcp =>
    (['ack', 'fin ack', 'rst', 'syn ack'] as const).map(flags => ({
      source: '192.0.2.10',
      destination: '192.0.2.1',
      tcp,
      flags: bits(flags),
    })),
  )
  const heard = async () =>
    (await send(friend, { bursts: late.map(packet => [packet]) })).answers.map(({ kind }) => kind)
  assert.ok((await heard()).includes('rst'), 'without the trap the kernel answers with RST')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  assert.deepEqual(await heard(), [])
  assert.deepEqual(await heard(), [], 'also the second time, when conntrack knows the flows')
  await assertSpared(gate, daemon)
  await assertOffenderSticks(friend, daemon)
})

test('in the grace time after boot nobody is judged, and flies are dropped', async () => {
  const { world, gate, friend } = await neighbours()
  await using _ = world
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, 'boot_grace = "60s"', { files: { '/proc/uptime': '56.00 100.00\n' } })
  const daemon = await flypaperd.start()
  await daemon.says(/nobody is judged for 4 s/)
  const syn = (source: string, tcp: number) => [{ source, destination: '192.0.2.1', tcp }]
  const heard = async (source: string, tcp: number) =>
    (await send(friend, { bursts: [syn(source, tcp)], wait: 100 })).answers.map(({ kind }) => kind)
  assert.deepEqual(await heard('192.0.2.10', 81), ['rst'])
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', '{ 192.0.2.9 }'])
  assert.deepEqual(await heard('192.0.2.9', 22), [])
  await assertSpared(gate, daemon)
  await sleep(4500)
  await assertOffenderSticks(friend, daemon)
})

function bits(flags: string): number {
  const values: Record<string, number> = { fin: 1, syn: 2, rst: 4, ack: 16 }
  return flags.split(' ').reduce((sum, flag) => sum | values[flag]!, 0)
}

async function hears(speaker: Running, listener: Running, word: string) {
  await speaker.write(`${word}\n`)
  await listener.says(new RegExp(`^${word}$`), 5000)
}

async function assertSpared(gate: Host, daemon: Running) {
  assert.deepEqual(lockouts(daemon), [])
  assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold']), /elements/)
}

async function assertOffenderSticks(friend: Host, daemon: Running) {
  await send(friend, { bursts: [[{ source: '192.0.2.200', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.200,/)
}
