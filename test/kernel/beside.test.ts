/** Beside other firewalls: what their managers do to tables of their own is not taken for an attack on the trap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const offend = (source: string) => ({ source, destination: GATE, tcp: 81 })

test('iptables-restore makes its tables anew, named filter as ours: the trap stays, and nobody is accused', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  for (const tables of ['iptables-nft', 'ip6tables-nft']) {
    await gate.must([tables, '-P', 'INPUT', 'DROP'])
    await gate.must([tables, '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'])
  }
  const saved = await gate.must(['iptables-nft-save'])
  const saved6 = await gate.must(['ip6tables-nft-save'])
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await send(sender, { bursts: [[offend('198.51.100.1')]], wait: 0 })
  await lockoutsOf(daemon, 1)

  await gate.must(['iptables-nft-restore'], { input: saved })
  await gate.must(['ip6tables-nft-restore'], { input: saved6 })
  await gate.must(['iptables-nft', '-F', 'INPUT'])
  await gate.must(['nft', 'delete', 'table', 'ip6', 'filter'])
  await send(sender, { bursts: [[offend('198.51.100.2')]], wait: 0 })
  assert.deepEqual(await lockoutsOf(daemon, 2), ['198.51.100.1', '198.51.100.2'])
  assert.doesNotMatch(daemon.output(), /removed a part of the trap/)

  await gate.must(['nft', 'flush', 'ruleset']) // The control: this one is seen.
  await daemon.says(/^.*nft, pid \d+, has removed a part of the trap: armed again with 2 flies/)
})
