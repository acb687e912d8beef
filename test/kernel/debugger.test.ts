/** SIGUSR1 opens a port to Node's debugger, to every local user: not in a daemon, however it is run, at whatever signal. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, type Options } from '../support/daemon.ts'
import { must, PATIENCE } from '../support/process.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** What the daemon goes on after. */
const SURVIVED = ['SIGUSR1', 'SIGHUP', 'SIGPIPE', 'SIGCHLD', 'SIGWINCH', 'SIGCONT', 'SIGURG'] as const
const PATIENCE_MS = 10_000

/** Every TCP socket that listens in the namespace. */
async function listening(host: Host): Promise<string[]> {
  return (await host.must(['ss', '-Hltn'])).split('\n').flatMap(line => line.split(/\s+/)[3] ?? [])
}

async function opensNothing(options: Options): Promise<void> {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, '', options)
  const daemon = await flypaperd.start()
  const { pid } = JSON.parse(await flypaperd.must('status', '--json')).daemon
  assert.deepEqual(await listening(gate), [])
  for (const signal of SURVIVED) {
    process.kill(pid, signal)
    if (signal === 'SIGHUP') await daemon.says(/new settings are in force \(SIGHUP\)/)
    else await sleep(300)
    assert.deepEqual(await listening(gate), [], signal)
  }
  assert.equal(JSON.parse(await flypaperd.must('status', '--json')).daemon.pid, pid, 'it goes on')

  const other = await gate.start([process.execPath, '-e', 'setInterval(() => {}, 1000); console.log("up")'])
  await other.says(/^up$/)
  process.kill(other.pid, 'SIGUSR1')
  for (const deadline = Date.now() + PATIENCE_MS * PATIENCE; Date.now() < deadline; await sleep(50))
    if ((await listening(gate)).length > 0) break
  assert.deepEqual(
    await listening(gate),
    ['127.0.0.1:9229'],
    'the control: any other program of Node does open it',
  )
}

/** The program as it is packed for npm: one file, and what npm links to. */
async function packed(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-packed-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ['src', 'page', 'scripts', 'node_modules', 'package.json'])
    symlinkSync(resolve(name), join(folder, name))
  mkdirSync(join(folder, 'dist'))
  mkdirSync(join(folder, 'bin'))
  await must(['cp', 'bin/flypaperd.cjs', 'bin/main.cjs', join(folder, 'bin')])
  await must([process.execPath, 'scripts/bundle.ts'], { cwd: folder })
  return folder
}

test('a daemon of a checkout', () => opensNothing({}))
test('a daemon of the npm package', async t =>
  opensNothing({ main: join(await packed(t), 'bin/flypaperd.cjs') }))
test('its one file alone', async t => opensNothing({ main: join(await packed(t), 'dist/main.js') }))
