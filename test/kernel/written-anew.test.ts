/**
 * closed = "unaccepted" while a manager writes its rules anew, in two transactions: who is refused between them is no offender, also when the first
 * one came before the trap was armed, and nobody who meets a condition that was written just now.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { GATE, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

/** Somebody listens, and no rule accepts. */
const REFUSED = 81

/** Strict rules, how they are taken out and written again, as a manager does that reloads, and a condition that is added to them. */
const MANAGERS = {
  nft: {
    empty: ['nft', 'flush', 'chain', 'inet', 'theirs', 'input'],
    write: [
      'nft',
      'add rule inet theirs input ct state established,related accept; add rule inet theirs input tcp dport { 22, 83 } accept',
    ],
    make: [
      'nft',
      'add table inet theirs; add chain inet theirs input { type filter hook input priority 0; policy drop; }',
    ],
    condition: ['nft', 'insert rule inet theirs input tcp dport 83 quota over 1 bytes drop'],
  },
  'iptables-nft-restore': {
    empty: ['iptables-nft', '-F', 'INPUT'],
    write: [
      'sh',
      '-c',
      `printf '%s\\n' '*filter' ':INPUT DROP' '-A INPUT -p tcp --dport 22 -j ACCEPT' '-A INPUT -p tcp --dport 83 -j ACCEPT' COMMIT | iptables-nft-restore`,
    ],
    make: ['iptables-nft', '-P', 'INPUT', 'DROP'],
    condition: [
      'iptables-nft',
      '-I',
      'INPUT',
      '-p',
      'tcp',
      '--dport',
      '83',
      '-m',
      'quota',
      '!',
      '--quota',
      '1',
      '-j',
      'DROP',
    ],
  },
}

for (const [name, manager] of Object.entries(MANAGERS)) {
  test(`who is refused while ${name} writes its rules anew is no offender, also when that began before the trap was armed`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
    await serve(gate, 'tcp:22', 'tcp:83', `tcp:${REFUSED}`)
    const tries = async (i: number, ...ports: readonly number[]) => {
      const bursts = [ports.map(tcp => ({ source: `198.51.100.${i}`, destination: GATE, tcp }))]
      return (await send(scanner, { bursts })).answers
        .filter(({ kind }) => kind === 'syn-ack')
        .map(({ detail }) => detail)
    }
    await gate.must(manager.make)
    await gate.must(manager.empty)
    using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
    const daemon = await flypaperd.start()
    assert.deepEqual(await tries(1, 22), [], 'between its two transactions')
    await gate.must(manager.write)
    await sleep(6000)
    assert.deepEqual(await tries(1, 22), [22])
    assert.deepEqual(await tries(10, REFUSED, 22), [])
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.10'], 'the control: at rest')

    // Another port, through which nobody was let in yet.
    await gate.must(manager.empty)
    assert.deepEqual(await tries(2, 83), [])
    await gate.must(manager.write)
    await sleep(6000)
    await gate.must(manager.condition)
    assert.deepEqual(await tries(3, 83), [], 'a condition that was written just now')
    assert.deepEqual(await tries(11, REFUSED, 22), [])
    assert.deepEqual(await lockoutsOf(daemon, 2), ['198.51.100.10', '198.51.100.11'], 'the control')
    await sleep(1000)
    assert.equal(lockouts(daemon).length, 2)
    for (const i of [1, 2, 3]) assert.deepEqual(await tries(i, 22), [22], `client ${i}`)
  })
}
