/** The disk of the history hangs: really frozen, so that whoever writes there waits, and cannot be killed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { freezableDisk } from '../support/frozen.ts'
import { supervised } from '../support/supervised.ts'
import { makeWorld } from '../support/world.ts'

const [BEFORE, DURING, LATER, LAST] = [
  '198.51.100.1',
  '198.51.100.2',
  '198.51.100.3',
  '198.51.100.4',
] as const

async function listedBy(flypaperd: Installation): Promise<string[]> {
  const rows = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  return rows.map(({ source }) => source).sort()
}

async function historyOf(flypaperd: Installation) {
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.history as {
    hangsSince?: number
    waiting: number
    lost: number
  }
}

test('while the disk hangs, scanners stick, the watchdog hears of us, orders and status are answered, and nothing is lost', async () => {
  await using world = await makeWorld()
  const { gate, supervisor, env, answersTo } = await supervised(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by, env })
  const daemon = await flypaperd.start()
  assert.deepEqual(await answersTo(BEFORE, 22), ['syn-ack'], 'the control: nobody sticks yet')
  assert.deepEqual(await answersTo(BEFORE, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), [BEFORE])
  assert.deepEqual(await listedBy(flypaperd), [BEFORE])
  assert.deepEqual(await historyOf(flypaperd), { waiting: 0, lost: 0 })

  await disk.freeze()
  assert.deepEqual(await answersTo(DURING, 22), ['syn-ack'])
  assert.deepEqual(await answersTo(DURING, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 2), [BEFORE, DURING])
  await eventually('told', async () => (await historyOf(flypaperd)).hangsSince !== undefined)
  for (let signs = 0; signs < 10; signs++) await supervisor.says(/^WATCHDOG=1/)
  assert.deepEqual(await answersTo(LATER, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 3), [BEFORE, DURING, LATER])
  const { waiting, lost } = await historyOf(flypaperd)
  assert.ok(waiting >= 2 && lost === 0, `${waiting} wait, ${lost} lost`)
  assert.match(
    await flypaperd.must('status'),
    /pid \d+, the history hangs since [^)]*\)[\s\S]*Look at that disk/,
  )
  const socket = join(flypaperd.directory, 'metrics.sock')
  const metrics = await gate.must(['curl', '-s', '--unix-socket', socket, 'http://localhost/metrics'])
  assert.match(metrics, /^flypaperd_history_hanging 1$/m)
  for (const verb of [['list'], ['why', DURING], ['report'], ['export'], ['free', '--port', '81']]) {
    const { code, stderr } = await flypaperd.run(...verb)
    assert.equal(code, 69, `${verb.join(' ')}: ${stderr}`)
    assert.match(stderr, /the history hangs: the disk of \S+ does not answer/)
  }
  await flypaperd.must('free', LATER)
  assert.deepEqual(await answersTo(LATER, 22), ['syn-ack'], 'an order that needs no history is carried out')
  await daemon.says(/<3>the history hangs since \S+: the disk of \S+history.db does not answer/)

  await disk.thaw()
  await daemon.says(/<4>the history answers again: .* found no room and are missing/)
  assert.deepEqual(await historyOf(flypaperd), { waiting: 0, lost: 0 })
  assert.deepEqual(await listedBy(flypaperd), [BEFORE, DURING])
  assert.match(await flypaperd.must('why', LATER), /tcp\/81|TCP-port 81/)
  assert.deepEqual(await answersTo(LAST, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 4), [BEFORE, DURING, LATER, LAST])
  assert.deepEqual(await listedBy(flypaperd), [BEFORE, DURING, LAST])
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('a stop while the disk hangs disarms and is answered; what waits is written when it answers within some seconds', async () => {
  await using world = await makeWorld()
  const { gate, env, answersTo } = await supervised(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by, env })
  const daemon = await flypaperd.start()
  await disk.freeze()
  assert.deepEqual(await answersTo(DURING, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), [DURING])
  await flypaperd.must('stop')
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /hook input/)
  await disk.thaw()
  assert.equal((await daemon.ended).code, 0)
  assert.doesNotMatch(daemon.output(), /could not be written/)
  assert.deepEqual(await listedBy(flypaperd), [DURING])
})

test('a stop while the disk hangs for longer tells what is lost; the process ends once it answers, and the history is whole', async () => {
  await using world = await makeWorld()
  const { gate, env, answersTo } = await supervised(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by, env })
  const first = await flypaperd.start()
  assert.deepEqual(await answersTo(BEFORE, 81, 22), [])
  assert.deepEqual(await lockoutsOf(first, 1), [BEFORE])
  await disk.freeze()
  assert.deepEqual(await answersTo(DURING, 81, 22), [])
  assert.deepEqual(await lockoutsOf(first, 2), [BEFORE, DURING])
  await flypaperd.must('stop')
  await first.says(/<3>1 lockouts and releases could not be written, since the disk hangs/, 20_000)
  await disk.thaw()
  assert.equal((await first.ended).code, 0)
  const daemon = await flypaperd.start()
  assert.ok((await listedBy(flypaperd)).includes(BEFORE))
  assert.deepEqual(await answersTo(LATER, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), [LATER])
  assert.ok((await listedBy(flypaperd)).includes(LATER))
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('a start while the disk hangs arms the trap; who stuck in the kernel sticks on; what is new is written once it answers', async () => {
  await using world = await makeWorld()
  const { gate, supervisor, env, answersTo } = await supervised(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by, env })
  const first = await flypaperd.start()
  assert.deepEqual(await answersTo(BEFORE, 81, 22), [])
  assert.deepEqual(await lockoutsOf(first, 1), [BEFORE])
  process.kill(JSON.parse(await flypaperd.must('status', '--json')).daemon.pid, 'SIGUSR2')
  await first.ended

  await disk.freeze()
  const daemon = await flypaperd.launch('start')
  await daemon.says(/trap armed/, 40_000)
  await supervisor.says(/^READY=1/)
  await supervisor.says(/^WATCHDOG=1/)
  assert.deepEqual(await answersTo(BEFORE, 22), [])
  assert.deepEqual(await answersTo(DURING, 22), ['syn-ack'])
  assert.deepEqual(await answersTo(DURING, 81, 22), [])
  assert.equal((await lockoutsOf(daemon, 1)).includes(DURING), true)
  assert.notEqual((await historyOf(flypaperd)).hangsSince, undefined)
  // That it answers again is said where it was said that it hangs.
  await daemon.says(/the history hangs since/, 40_000)
  await disk.thaw()
  await daemon.says(/<4>the history answers again/)
  assert.deepEqual(await listedBy(flypaperd), [BEFORE, DURING])
  assert.deepEqual(await answersTo(BEFORE, 22), [])
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('a pause is kept by a start while the disk hangs: as the kernel has it, or else when the disk answers', async () => {
  await using world = await makeWorld()
  const { gate, env, answersTo } = await supervised(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by, env })
  const pausedUntil = async () =>
    JSON.parse(await flypaperd.must('status', '--json')).daemon.pausedUntil as number | undefined
  const first = await flypaperd.start()
  await flypaperd.must('pause', '1h')
  const until = await pausedUntil()
  // The kernel counts seconds.
  const isPaused = async () => Math.abs((await pausedUntil())! - until!) < 2000
  process.kill(JSON.parse(await flypaperd.must('status', '--json')).daemon.pid, 'SIGUSR2')
  await first.ended

  await disk.freeze()
  const second = await flypaperd.launch('start')
  await second.says(/<4>the history hangs, so it is not known whether the trap was paused/, 40_000)
  assert.deepEqual(await answersTo(BEFORE, 81, 22), ['rst', 'syn-ack'])
  assert.ok(await isPaused())
  await second.says(/the history hangs since/, 40_000)
  await disk.thaw()
  await second.says(/<4>the history answers again/)
  await second.says(/paused for .* \(by the history, which answers again\)/)
  assert.ok(await isPaused())
  assert.deepEqual(await answersTo(DURING, 81, 22), ['rst', 'syn-ack'])
  await flypaperd.must('stop')
  assert.equal((await second.ended).code, 0)

  await disk.freeze()
  const third = await flypaperd.launch('start')
  await third.says(/<4>the history hangs, so it is not known whether the trap was paused/, 40_000)
  assert.equal(await pausedUntil(), undefined)
  assert.deepEqual(await answersTo(LATER, 81, 22), [], 'the control: nothing that hangs stops the trap')
  await disk.thaw()
  await third.says(/paused for .* \(by the history, which answers again\)/)
  assert.ok(await isPaused())
  assert.deepEqual(await answersTo(LAST, 81, 22), ['rst', 'syn-ack'])
  await flypaperd.must('pause', '0')
  assert.deepEqual(await answersTo(LAST, 81, 22), [])
  await flypaperd.must('stop')
  assert.equal((await third.ended).code, 0)
})
