/** A daemon and the next one, or none: who has the trap, who gets it, and what nobody may change meanwhile. */
import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROLES } from '../../src/surface/control/roles.ts'
import { type Installation, install, lockoutsOf, places } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'

async function house() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  const offend = (source: string) =>
    send(scanner, { bursts: [[{ source, destination: GATE, tcp: 20000 }]], wait: 0 })
  const ruleset = () => gate.must(['nft', '-s', 'list', 'ruleset'])
  return { gate, offend, ruleset, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

async function pidOf(flypaperd: Installation): Promise<number> {
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.pid
}

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000 * PATIENCE; !(await isSo()); await sleep(50))
    assert.ok(Date.now() < deadline, `not in time: ${what}`)
}

/** The daemon believes to be the process of this unit: systemd.exec(5), cgroups(7). In the shell that becomes it, $$ is its number. */
function asUnit(unit: string) {
  return {
    by: ['sh', '-c', 'SYSTEMD_EXEC_PID=$$ exec "$@"', 'sh'],
    files: { '/proc/$$/cgroup': `0::/system.slice/${unit}\n` },
  }
}

/** control, operate, watch, metrics. */
/** One for each role, and metrics. */
const SOCKETS = Object.keys(ROLES).length + 1

test('sockets that somebody takes away are made again, alone or with their directory', async () => {
  await using it = await house()
  using folder = mkdtempDisposableSync(join(tmpdir(), 'flypaperd-test-'))
  const runtime = join(folder.path, 'run')
  using flypaperd = install(it.gate, '', { runtime })
  const daemon = await flypaperd.start()
  const pid = await pidOf(flypaperd)
  const [control, metrics] = ['control.sock', 'metrics.sock'].map(name => join(runtime, name)) as [
    string,
    string,
  ]
  const answers = async () => {
    assert.equal((await flypaperd.run('status')).code, 0)
    assert.equal(await pidOf(flypaperd), pid)
    await it.gate.must(['curl', '-sSf', '--unix-socket', metrics, 'http://localhost/metrics'])
  }
  for (const [what, take] of [
    ['the files', () => [control, metrics].forEach(path => void rmSync(path))],
    ['the directory', () => rmSync(runtime, { recursive: true })],
    // As of a daemon that was killed: nobody listens there.
    ['another socket in its place', () => renameSync(metrics, control)],
  ] as const) {
    take()
    await eventually(
      what,
      async () => readdirSync(folder.path).length > 0 && readdirSync(runtime).length === SOCKETS,
    )
    await daemon.says(/control\.sock was gone: it is made again|metrics\.sock was gone: it is made again/)
    await eventually(what, async () => (await flypaperd.run('status')).code === 0)
    await answers()
  }
  await it.offend('198.51.100.1')
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'])
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
  assert.deepEqual(readdirSync(runtime), [])
})

for (const [what, toml, says] of [
  ['the same number', '', /s 4242 to 4246 are taken by another program\n/],
  ['another number', 'number = 5000', /a trap is armed here, and another program reads its \S.* 4242\n/],
] as const)
  test(`a second daemon with a socket of its own and ${what}: 69, and it touches nothing`, async () => {
    await using it = await house()
    using flypaperd = install(it.gate)
    using other = install(it.gate, toml)
    const daemon = await flypaperd.start()
    const pid = await pidOf(flypaperd)
    const before = await it.ruleset()
    const files = readdirSync(other.directory)
    for (const verb of [['start'], ['start', '--dry-run'], ['restart'], ['try', '60']]) {
      const { code, stderr } = await other.run(...verb)
      assert.equal(code, 69, verb.join(' '))
      assert.match(stderr, says)
      assert.match(
        stderr,
        new RegExp(`It is a flypaperd \\(pid ${pid}\\) that does not answer at ${other.directory}`),
      )
    }
    assert.deepEqual(readdirSync(other.directory), files)
    assert.equal(await it.ruleset(), before)
    await it.offend('198.51.100.1')
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'])
    await flypaperd.must('stop')
    const next = await other.start() // The control.
    await other.must('stop')
    assert.equal((await next.ended).code, 0)
  })

test('stop finds the daemon by the kernel, also while its rules are gone', async () => {
  await using it = await house()
  using flypaperd = install(it.gate)
  using other = install(it.gate)
  for (const isFlushed of [false, true]) {
    const daemon = await flypaperd.start()
    const pid = await pidOf(flypaperd)
    if (isFlushed) await it.gate.must(['nft', 'flush', 'ruleset'])
    const { code, stderr } = await other.run('stop')
    assert.equal(code, 0, stderr)
    assert.match(stderr, new RegExp(`^A flypaperd \\(pid ${pid}\\) has \\S.* 4242, and does not answer at `))
    assert.equal((await daemon.ended).code, 0)
    assert.equal(await it.ruleset(), '')
    await sleep(3500) // so long it took an orphan to arm again
    assert.equal(await it.ruleset(), '')
  }
  assert.equal((await other.run('stop')).stderr, '', 'nobody is left')
})

test('stop finds it where somebody else answers in its place', async () => {
  await using it = await house()
  using flypaperd = install(it.gate)
  using other = install(it.gate)
  const daemon = await flypaperd.start()
  const impostor = await it.gate.start([
    process.execPath,
    '-e',
    IMPOSTOR,
    join(other.directory, 'control.sock'),
  ])
  await impostor.says(/^listening$/)
  assert.match((await other.run('status')).stderr, /speaks differently/, 'the control')
  const { code, stderr } = await other.run('stop')
  assert.deepEqual([code, stderr.startsWith('A flypaperd (pid ')], [0, true], stderr)
  assert.equal((await daemon.ended).code, 0)
})

/** Speaks HTTP, and says nothing that a flypaperd would. */
const IMPOSTOR = `require('node:http').createServer((_, answer) => answer.end('{}'))
  .listen(process.argv[1], () => console.log('listening'))`

test('stop from another process namespace: it says that somebody is left', async () => {
  await using it = await house()
  using flypaperd = install(it.gate)
  const daemon = await flypaperd.start()
  using other = install(it.gate, '', { by: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] })
  const { code, stderr } = await other.run('stop')
  assert.equal(code, 69)
  assert.match(
    stderr,
    /^flypaperd: disarmed, but somebody who cannot be seen from here still reads \S.* 4242\n.*container/,
  )
  await eventually('armed again', async () => (await it.ruleset()).includes('flypaper_early'))
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('another program in the place of a killed daemon is named, and left alone', async () => {
  await using it = await house()
  using flypaperd = install(it.gate, 'capture = "log"')
  const daemon = await flypaperd.start()
  process.kill(await pidOf(flypaperd), 'SIGKILL')
  await daemon.ended
  const reader = await it.gate.start([process.execPath, '-e', READER])
  await reader.says(/^reading$/)
  const refused = await flypaperd.run('start')
  assert.equal(refused.code, 69)
  assert.match(
    refused.stderr,
    new RegExp(`are taken by another program\\nIt is node \\(pid ${reader.pid}\\)`),
  )
  assert.match(await it.ruleset(), /flypaper_early/)
  const { code, stderr } = await flypaperd.run('stop')
  assert.equal(code, 0)
  assert.match(
    stderr,
    new RegExp(
      `^NFLOG group 4242 is read by node \\(pid ${reader.pid}\\), which is no flypaperd and was left alone\\.`,
    ),
  )
  assert.equal(await it.ruleset(), '')
  process.kill(reader.pid, 0)
  await reader.stop()
})

const READER = `import('${new URL('../../packages/nfnetlink/src/index.ts', import.meta.url)}').then(({ openLog }) => {
  globalThis.kept = openLog({ groups: [4242], onBatch() {}, onError: console.error })
  console.log('reading')
})`

for (const first of [['start', '--dry-run'], ['try', '60'], ['start']])
  test(`${first.join(' ')} in a terminal, then the unit: it takes over, and the trap stays armed`, async () => {
    await using it = await house()
    using terminal = install(it.gate)
    const { directory } = terminal
    using unit = install(it.gate, '', {
      runtime: directory,
      state: directory,
      ...asUnit('flypaperd.service'),
    })
    const before = await terminal.start(...first)
    const daemon = await unit.start('start')
    assert.equal((await before.ended).code, 0)
    assert.match(before.output(), /leaving: the trap stays armed/)
    assert.equal((await terminal.run('status')).code, 0)
    assert.equal(JSON.parse(await terminal.must('status', '--json')).daemon.unit, 'flypaperd.service')
    await it.offend('198.51.100.1')
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'])
    assert.match(await it.ruleset(), /198\.51\.100\.1/)
  })

test('where the unit runs, start and try in a terminal name the command, and so does restart where systemd is not', async () => {
  await using it = await house()
  using unit = install(it.gate, '', asUnit('flypaperd.service'))
  const { directory } = unit
  using terminal = install(it.gate, '', { runtime: directory, state: directory })
  const daemon = await unit.start('start')
  const pid = await pidOf(terminal)
  for (const verb of [['start'], ['try', '60']]) {
    const { code, stderr } = await terminal.run(...verb)
    assert.equal(code, 69)
    assert.match(
      stderr,
      new RegExp(`^flypaperd: flypaperd is running already \\(pid ${pid}\\), as flypaperd\\.service\\n`),
    )
    assert.match(stderr, /systemctl restart flypaperd\.service/)
  }
  const own = await terminal.run('restart')
  assert.equal(own.code, 64)
  assert.match(
    own.stderr,
    /which has its own settings and its own log\n.*systemctl restart flypaperd\.service/,
  )
  const bare = [process.execPath, FLYPAPERD, 'restart', ...places(directory)]
  const { code, stdout, stderr } = await it.gate.run([
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs none /run && exec "$@"`,
    'sh',
    ...bare,
  ])
  assert.deepEqual(
    [code, stdout],
    [69, 'flypaperd runs as flypaperd.service: systemctl restart flypaperd.service\n'],
  )
  assert.match(stderr, /^flypaperd: systemctl restart flypaperd\.service failed\n/)

  // Another unit does not take it: they would take it from each other for ever.
  using second = install(it.gate, '', { runtime: directory, state: directory, ...asUnit('my-trap.service') })
  const refused = await second.run('start')
  assert.equal(refused.code, 73)
  assert.match(refused.stderr, /is running already/)
  assert.equal(await pidOf(terminal), pid)
  await terminal.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('a unit that meets a daemon which it cannot relieve: 73, and nothing is changed', async () => {
  await using it = await house()
  using terminal = install(it.gate)
  const before = await terminal.start()
  using unit = install(it.gate, '', asUnit('flypaperd.service'))
  const armed = await it.ruleset()
  const { code, stderr } = await unit.run('start')
  assert.equal(code, 73)
  assert.match(stderr, /taken by another program\nIt is a flypaperd/)
  assert.equal(await it.ruleset(), armed)
  await terminal.must('stop')
  assert.equal((await before.ended).code, 0)
  const daemon = await unit.start('start') // The control.
  await daemon.stop()
})

for (const [script, ...args] of [['start'], ['flypaperd', 'start']] as const)
  test(`SIGTERM to npm run ${[script, ...args].join(' ')}: the daemon disarms and ends with it`, async () => {
    await using it = await house()
    using flypaperd = install(it.gate)
    const npm = await it.gate.start([
      ...['npm', 'run', script, '--', ...args, ...places(flypaperd.directory)],
      ...['--settings', join(flypaperd.directory, 'flypaperd.toml'), '--log', 'stderr'],
    ])
    await npm.says(/trap armed/, 30_000)
    const pid = await pidOf(flypaperd)
    process.kill(npm.pid, 'SIGTERM')
    await npm.ended
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    assert.equal(await it.ruleset(), '')
  })
