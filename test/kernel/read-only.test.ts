/** A start on a disk, or with a file, that cannot be written: really mounted read-only, in a mount namespace of the daemon's own. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MIGRATIONS, NEEDED } from '../../src/history/schema.ts'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { remember } from '../support/million-history.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.51.100.1'
const NEWCOMER = '198.51.100.2'
const SETTINGS = 'capture = "log"'

const CASES = [
  { what: 'a read-only disk, after an orderly end', mounted: '.', end: 'SIGUSR2' },
  { what: 'a read-only disk, after SIGKILL', mounted: '.', end: 'SIGKILL' },
  { what: 'a read-only file on a disk that can be written', mounted: 'history.db', end: 'SIGUSR2' },
  { what: 'a read-only disk with the history of 0.1.0', mounted: '.', end: 'of 0.1.0' },
  { what: 'an empty read-only disk', mounted: '.', end: undefined },
] as const

for (const { what, mounted, end } of CASES)
  test(`${what}: the flies are there, locking out goes on, one alarm`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
    await serve(gate, 'tcp:22')
    await gate.sysctl('net/ipv4/tcp_synack_retries', 0) // what the control has asked is not answered once more
    using state = temporary()
    const answersTo = async (source: string, ...ports: number[]) => {
      const burst = ports.map(tcp => ({ source, destination: GATE, tcp }))
      return (await send(scanner, { bursts: [burst] })).answers.map(({ kind }) => kind)
    }
    if (end === 'of 0.1.0') {
      const more = `UPDATE lockout SET source = '${FLY}' WHERE id = 1;`
      remember(join(state.directory, 'history.db'), {
        migrations: MIGRATIONS.slice(0, NEEDED),
        flies: 10,
        began: Date.now(),
        more,
      })
    } else if (end !== undefined) {
      using before = install(gate, SETTINGS, { state: state.directory })
      const daemon = await before.start()
      assert.deepEqual(await answersTo(FLY, 81), [])
      assert.deepEqual(await lockoutsOf(daemon, 1), [FLY])
      process.kill(await pidOf(before), end)
      await daemon.ended
      await gate.must(['nft', 'flush', 'ruleset'])
      assert.deepEqual(await answersTo(FLY, 22), ['syn-ack'], 'the control: no trap, no fly')
    }

    const place = join(state.directory, mounted)
    using flypaperd = install(gate, SETTINGS, {
      state: state.directory,
      mount: `mount --bind -o ro ${place} ${place}`,
    })
    const daemon = await flypaperd.start()
    if (end !== undefined) assert.deepEqual(await answersTo(FLY, 22), [])
    assert.deepEqual(await answersTo(NEWCOMER, 22), ['syn-ack'])
    assert.deepEqual(await answersTo(NEWCOMER, 81, 22), [])
    assert.deepEqual(await lockoutsOf(daemon, 1), [NEWCOMER])
    await sleep(3000)
    const alarms = daemon.output().match(/<3>.*/g) ?? []
    assert.equal(alarms.filter(line => /the history cannot be written/.test(line)).length, 1, daemon.output())
    assert.equal(alarms.filter(line => !/cannot be written/.test(line)).length, 0, daemon.output())
    assert.equal((await flypaperd.run('status')).code, 0)
    process.kill(await pidOf(flypaperd), 'SIGTERM')
    assert.equal((await daemon.ended).code, 0)
    assert.deepEqual(await answersTo(NEWCOMER, 22), ['syn-ack'], 'disarmed')
    assert.equal(existsSync(join(state.directory, 'history.db')), end !== undefined)
  })

async function pidOf(flypaperd: Installation): Promise<number> {
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.pid
}

function temporary() {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}
