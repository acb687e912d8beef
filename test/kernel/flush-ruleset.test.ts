/** Somebody loads his ruleset once a second, while a fly asks an open port each millisecond. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockoutsOf } from '../support/daemon.ts'
import { FLUSHES } from '../support/length.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.18.255.7'
const FLIES = 1000

for (const [how, include] of [
  ['without the state file: open ports are found only until the trap is armed again', false],
  ['with the state file: none is found', true],
] as const) {
  test(`flush ruleset, ${how}`, async t => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    const scanner = await world.host('scanner')
    await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
    await gate.route('198.18.0.0/15', '192.0.2.9')
    await serve(gate, 'tcp:22')
    // What was asked in the gap is not answered again after it.
    await gate.sysctl('net/ipv4/tcp_synack_retries', 0)
    using flypaperd = install(gate, 'capture = "log"')
    const daemon = await flypaperd.start()
    const sources = Array.from({ length: FLIES }, (_, n) => `198.18.${n >> 8}.${n & 255}`)
    const offences = [...sources, FLY].map(source => ({ source, destination: GATE, tcp: 81 }))
    await send(scanner, { bursts: [offences], gap: 100, wait: 0 })
    const { daemon: status } = JSON.parse((await flypaperd.run('status', '--json')).stdout)
    await lockoutsOf(daemon, Math.min(FLIES, 200))
    for (let patience = 100; (await listedFlies()) <= FLIES && patience > 0; patience--) await sleep(50)
    assert.equal(await listedFlies(), FLIES + 1)

    const state = join(flypaperd.directory, 'boot.nft')
    for (let patience = 100; !hasFly(state) && patience > 0; patience--) await sleep(20)
    const conf = join(flypaperd.directory, 'nftables.conf')
    writeFileSync(conf, `flush ruleset\n${include ? `include "${flypaperd.directory}/boot*.nft"\n` : ''}`)

    const question = { source: FLY, destination: GATE, tcp: 22 }
    const scan = send(scanner, {
      bursts: Array.from({ length: (FLUSHES + 1) * 200 }, (_, burst) =>
        // Each from another port: a connection that is asked for again is not always answered again.
        Array.from({ length: 5 }, (_, i) => ({ ...question, from: 1024 + ((burst * 5 + i) % 60_000) })),
      ),
      gap: 1000,
      pause: 0,
    })
    const began = Date.now()
    const gaps: [from: number, to: number][] = []
    for (let n = 0; n < FLUSHES; n++) {
      await sleep(Math.max(0, began + (n + 1) * 1000 - Date.now()))
      const from = Date.now()
      await gate.must(['nft', '-f', conf])
      await daemon.says(/armed again with 1001 flies/)
      gaps.push([from, Date.now()])
    }
    const { answers, answered } = await scan
    const count = answers.reduce((sum, answer) => sum + answer.count, 0)
    const lengths = gaps.map(([from, to]) => to - from).sort((one, other) => one - other)
    t.diagnostic(`${FLUSHES} flushes, an open port asked each millisecond: ${count} answers in all`)
    t.diagnostic(`from nft's start until armed again: ${describe(lengths)}`)
    const own = [...daemon.output().matchAll(/in (\d+) ms/g)].map(([, ms]) => Number(ms))
    t.diagnostic(`of this the daemon: ${describe(own.sort((one, other) => one - other))}`)
    if (include) assert.equal(count, 0)
    else {
      assert.ok(count > 0, 'the control: the gap is seen')
      const isInside = ([from, to]: readonly [number, number]) =>
        gaps.some(gap => from <= gap[1] && gap[0] <= to)
      assert.deepEqual(
        answered.filter(time => !isInside(time)),
        [],
        'between the gaps nothing is found',
      )
    }
    assert.equal((await send(scanner, { bursts: [[question]] })).answers.length, 0)
    assert.equal((await flypaperd.run('status')).code, 0)
    process.kill(status.pid)
    assert.equal((await daemon.ended).code, 0)
    assert.ok(hasFly(state), 'a machine that goes down finds its flies at boot')

    async function listedFlies(): Promise<number> {
      return JSON.parse(await flypaperd.must('list', '--json')).length
    }
  })
}

function hasFly(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').includes(FLY)
}

function describe(sorted: readonly number[]): string {
  return `${sorted[0]} to ${sorted.at(-1)} ms, median ${sorted[sorted.length >> 1]} ms`
}
