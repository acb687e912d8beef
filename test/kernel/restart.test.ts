/** Die, restart, stop: what stays, what goes, and what `status` says of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Installation, install, lockouts } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.18.0.7'

async function gateWithFly() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner }
}

async function offend(scanner: Host, source: string) {
  await send(scanner, { bursts: [[{ source, destination: GATE, tcp: 81 }]], wait: 0 })
}

async function killed(flypaperd: Installation, daemon: Running) {
  const { pid } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
  process.kill(pid, 'SIGKILL')
  await daemon.ended
}

async function statusOf(flypaperd: Installation) {
  const { code, stdout } = await flypaperd.run('status')
  return {
    code,
    lines: stdout
      .replace(/pid \d+/, 'pid')
      .trimEnd()
      .split('\n')
      .map(line => line.replace(/ {2,}/, ' ')),
  }
}

test('the six lines of status: armed and well, daemon killed, after stop', async () => {
  const { world, scanner, gate } = await gateWithFly()
  await using _ = world
  using flypaperd = install(gate, 'capture = "log"')
  const support = /^kernel support: OK \(NFLOG, (this kernel has no nft_queue|as the settings say)\)$/
  const daemon = await flypaperd.start()
  await offend(scanner, FLY)
  await daemon.says(/lockout/)

  const well = await statusOf(flypaperd)
  assert.match(well.lines.shift()!, support)
  const armed = [
    'flypaper set: OK (1 fly)',
    'integration into input: OK (closed is where nobody listens)',
    'integration into forward: OK (nothing is forwarded here)',
    'process: OK (pid)',
    'queue or NFLOG statement: OK (NFLOG groups 4242 to 4246)',
  ]
  // Who chose the mode is known to the daemon alone.
  const running = armed.map(line => line.replace('listens)', 'listens, by "auto")'))
  assert.match(well.lines.pop()!, /^settings: .*flypaperd\.toml$/)
  assert.deepEqual(well, { code: 0, lines: running })

  await killed(flypaperd, daemon)
  const dead = await statusOf(flypaperd)
  assert.match(dead.lines.shift()!, support)
  const process = 'process: Missing (the trap is in the kernel, but nobody judges'
  assert.deepEqual(
    { ...dead, lines: dead.lines.map(line => line.replace(/(nobody judges): .*/, '$1')) },
    { code: 3, lines: armed.map(line => (line.startsWith('process') ? process : line)) },
  )

  // Stop disarms what a killed daemon has left.
  assert.equal(await flypaperd.must('stop'), 'Stopping portscan protection: flypaperd.\n')
  const stopped = await statusOf(flypaperd)
  assert.match(stopped.lines.shift()!, support)
  assert.deepEqual(stopped, {
    code: 3,
    lines: [
      'flypaper set: OK (1 fly)',
      'integration into input: Missing',
      'integration into forward: Missing',
      'process: Missing',
      'queue or NFLOG statement: Missing',
    ],
  })
  assert.match(await gate.must(['nft', 'list', 'ruleset']), /198\.18\.0\.7 counter .*timeout 10m/)
  await flypaperd.must('flush')
  await flypaperd.must('stop')
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), '', 'without flies nothing is left')
})

test('after SIGKILL the start goes on: the flies with the time they had left, and new ones', async () => {
  const { world, scanner, gate } = await gateWithFly()
  await using _ = world
  using flypaperd = install(gate, '[lockout]\nfirst = "100s"')
  const first = await flypaperd.start()
  await offend(scanner, FLY)
  await first.says(/lockout/)
  await killed(flypaperd, first)
  // Somebody flushes the ruleset meanwhile: the history knows better.
  await gate.must(['nft', 'flush', 'ruleset'])
  await new Promise(resolve => setTimeout(resolve, 3000))

  const second = await flypaperd.start()
  const [, left] = /198\.18\.0\.7 counter .*timeout \S+ expires 1m(\d+)s/.exec(
    await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']),
  )!
  const fly = JSON.parse(await flypaperd.must('list', '--json'))[0]
  const [since, until] = [Date.parse(fly.since), Date.parse(fly.until)]
  assert.equal(until - since, 100_000)
  const expected = (until - Date.now()) / 1000 - 60
  assert.ok(Math.abs(Number(left) - expected) <= 2, `${left} s over a minute, expected ${expected}`)
  await offend(scanner, '198.18.0.8')
  await second.says(/lockout 198\.18\.0\.8/)
  assert.deepEqual(lockouts(second), ['198.18.0.8'])
})

test('SIGUSR2 leaves the trap armed; SIGTERM and SIGINT disarm it', async () => {
  const { world, gate } = await gateWithFly()
  await using _ = world
  using flypaperd = install(gate)
  for (const [signal, left] of [
    ['SIGUSR2', /flypaper_early/],
    ['SIGTERM', /^$/],
    ['SIGINT', /^$/],
  ] as const) {
    const daemon = await flypaperd.start()
    const { pid } = JSON.parse(await flypaperd.must('status', '--json')).daemon
    process.kill(pid, signal)
    assert.equal((await daemon.ended).code, 0)
    assert.match(await gate.must(['nft', 'list', 'ruleset']), left, signal)
  }
})

test('restart, SIGKILL and start, stop and start, twenty times under a scan: no packet of a fly gets through', async () => {
  const { world, scanner, gate } = await gateWithFly()
  await using _ = world
  // Where an accept rule would see them: a chain of the administrator's own, behind the early chain.
  await gate.nft(
    `table inet watch { chain pre { type filter hook prerouting priority 0\n ip saddr ${FLY} counter\n}\n}`,
  )
  const through = async () =>
    Number(/packets (\d+)/.exec(await gate.must(['nft', 'list', 'table', 'inet', 'watch']))![1])
  using flypaperd = install(gate)
  let daemon = await flypaperd.start()
  await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 22 }]] })
  assert.equal(await through(), 1, 'the watch sees what is let through')
  await offend(scanner, FLY)
  await daemon.says(/lockout/)
  const before = await through()

  // A SYN each millisecond, to open and closed ports, until all rounds are over.
  const ports = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 22 : 81 + i))
  const burst = ports.map(tcp => ({ source: FLY, destination: GATE, tcp }))
  let isOver = false
  const scan = (async () => {
    while (!isOver) await send(scanner, { bursts: Array(20).fill(burst), gap: 1000, wait: 0 })
  })()
  let whileDisarmed = 0
  for (let round = 0; round < 20; round++) {
    if (round % 3 === 2) {
      await flypaperd.must('stop')
      const from = await through()
      daemon = await flypaperd.start()
      whileDisarmed += (await through()) - from
      const armed = await through()
      await new Promise(resolve => setTimeout(resolve, 200))
      assert.equal(await through(), armed, 'once armed again, nothing')
      continue
    }
    const from = await through()
    const old = daemon
    if (round % 3 === 0) daemon = await flypaperd.start('restart')
    else {
      await killed(flypaperd, old)
      daemon = await flypaperd.start()
    }
    await old.ended
    assert.equal(await through(), from, round % 3 === 0 ? 'restart' : 'SIGKILL and start')
  }
  isOver = true
  await scan
  assert.ok(whileDisarmed > 0, 'the scan was running: while the trap was disarmed it got through')
  assert.ok(before < (await through()))
  assert.deepEqual(lockouts(daemon), [])
  assert.equal(JSON.parse(await flypaperd.must('list', '--json')).length, 1)
})
