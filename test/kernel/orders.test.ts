/** Orders of a person while the sets that strangers fill are full: each does what it shall, and others are answered meanwhile. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Client, reachDaemon } from '../../src/surface/control/client.ts'
import { IN_VM, install, lockedOut } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { askSet } from '../support/set-elements.ts'
import { put } from '../support/trap.ts'
import { whileOthersAsk } from '../support/while-others-ask.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Nearly as many as a set holds: there is room for the flies, who are held as well. */
const HELD = IN_VM ? 6_000 : 60_000
const FLIES = 2_000
/** Nobody else waits longer: the watchdog's patience is 30 s, and a test's machine may be busy. */
const LONGEST_MS = 2_500 * PATIENCE
const host = (n: number) => `10.0.${n >> 8}.${n & 255}`
const fly = (n: number) => `198.18.${n >> 8}.${n & 255}`

for (const [closed, sets] of [
  ['listening', ['flypaper_hold']],
  ['unaccepted', ['flypaper_hold', 'flypaper_pending']],
] as const)
  test(`with full sets orders are carried out, and everybody is answered meanwhile: ${closed}`, async t => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    const scanner = await world.host('scanner')
    await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
    await gate.route('198.18.0.0/15', '192.0.2.9')
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nhold = "10m"\n`)
    let daemon = await flypaperd.start()
    const packets = Array.from({ length: FLIES }, (_, n) => ({
      source: fly(n),
      destination: '192.0.2.1',
      tcp: 81,
    }))
    if (closed === 'unaccepted')
      await flypaperd.must('lock', ...packets.slice(0, 500).map(({ source }) => source))
    else {
      await send(scanner, { bursts: [packets], gap: 50 })
      assert.equal(await lockedOut(flypaperd, FLIES), FLIES)
    }
    // Where no daemon sees it: what somebody else puts into these sets would be taken out again.
    await daemon.stop('SIGUSR2')
    for (const set of sets) {
      await fill(gate, set, host)
      await fill(gate, `${set}6`, n => `2001:db8:7:${n.toString(16)}::`)
    }
    daemon = await flypaperd.start()
    const control = (await reachDaemon(join(flypaperd.directory, 'control.sock')))!
    const heldOf = async (...sources: string[]) => {
      const answers = await Promise.all(sets.map(set => askSet(gate, { set, elements: sources })))
      return sources.filter(source => answers.every(({ until }) => source in until))
    }

    const free = async (request: Omit<Parameters<Client['free']>[0], 'by'>) => {
      const { answer, took, answered, longest } = await whileOthersAsk(control, () =>
        control.free({ ...request, by: 'tester' }),
      )
      const what = JSON.stringify(request)
      t.diagnostic(`${what}: ${took} ms, ${answered} others were answered, the slowest in ${longest} ms`)
      assert.ok(longest < LONGEST_MS, `${what}: somebody else waited for ${longest} ms`)
      return answer
    }

    assert.deepEqual((await free({ who: [host(5)] })).held, [host(5)])
    assert.deepEqual(await heldOf(host(5), host(6)), [host(6)])

    const few = await free({ who: ['10.0.2.0/24', '10.0.5.7', '2001:db8:7:100::/56'] })
    assert.equal(few.held.length, 256 + 1 + 256)
    assert.deepEqual(await heldOf('10.0.2.0', '10.0.2.255', '10.0.5.7', '10.0.1.255', '10.0.3.0'), [
      '10.0.1.255',
      '10.0.3.0',
    ])

    const wide = await free({ who: ['10.0.0.0/17'] })
    assert.equal(wide.held.length, 1000)
    assert.deepEqual(await heldOf(host(1), host(HELD / 2 - 1), host(HELD - 1)), IN_VM ? [] : [host(HELD - 1)])

    const one = fly(7)
    assert.deepEqual((await free({ who: [one] })).flies, [one])
    const by = closed === 'unaccepted' ? { since: 0 } : { port: 81, since: 0 }
    const { count } = await free(by)
    assert.equal(count, closed === 'unaccepted' ? 499 : FLIES - 1)
    assert.deepEqual(await heldOf(fly(8)), [])
    assert.equal(await control.flush('tester'), 0)
    assert.deepEqual(await heldOf(host(HELD - 1)), [])
    await daemon.stop()
  })

async function fill(gate: Host, set: string, name: (n: number) => string): Promise<void> {
  await put(gate, set, ...Array.from({ length: HELD }, (_, n) => `${name(n)} timeout 10m`))
}
