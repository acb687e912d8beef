/** Twenty thousand sources at twenty thousand packets a second: each is locked out and recorded, none is lost. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { install, lockedOut, QUEUE } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const SOURCES = 20_000
const GAP_US = 50
const FLOODS = 3

for (const [capture, options] of [
  ['log', {}],
  ['queue', QUEUE],
] as const) {
  test(`a flood of ${SOURCES} sources by ${capture}`, async t => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    const scanner = await world.host('scanner')
    await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
    await gate.route('198.18.0.0/15', '192.0.2.9')
    using flypaperd = install(gate, `capture = "${capture}"`, options)
    await flypaperd.start()

    const used: ReturnType<typeof usedBy>[] = []
    for (let flood = 1; flood <= FLOODS; flood++) {
      const packets = Array.from({ length: SOURCES }, (_, i) => ({
        source: `198.18.${i >> 8}.${i & 255}`,
        destination: '192.0.2.1',
        tcp: 81,
      }))
      await send(scanner, { bursts: [packets], gap: GAP_US })
      assert.equal(await lockedOut(flypaperd, flood * SOURCES), flood * SOURCES)
      const { daemon } = JSON.parse((await flypaperd.run('status', '--json')).stdout)
      const { packets: received, overruns, lost } = daemon.counts
      assert.deepEqual({ received, overruns, lost }, { received: flood * SOURCES, overruns: 0, lost: 0 })
      const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string; tried: object }[]
      assert.equal(new Set(flies.map(({ source }) => source)).size, SOURCES)
      assert.ok(flies.every(({ tried }) => 'port' in tried && tried.port === 81))
      used.push(usedBy(daemon.pid))
      assert.match(await flypaperd.must('flush'), /^Freed 20000 flies\.$/m)
      assert.equal(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold']).then(count), 0)
    }
    t.diagnostic(`resident MiB, descriptors and CPU ms after each flood: ${JSON.stringify(used)}`)
    const [, second, third] = used
    assert.equal(third!.descriptors, second!.descriptors)
    assert.ok(third!.rss < second!.rss * 1.5, 'memory is flat')
  })
}

function usedBy(pid: number) {
  const [, kilobytes] = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  // User and system time, in ticks of 10 ms (proc_pid_stat).
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13)
  return {
    rss: Math.round(Number(kilobytes) / 1024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    cpu: (Number(user) + Number(system)) * 10,
  }
}

function count(listing: string): number {
  return [...listing.matchAll(/expires/g)].length
}
