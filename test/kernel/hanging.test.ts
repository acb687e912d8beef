/** What the daemon writes to hangs, in each way that there is: the trap goes on, and no line is lost that memory can keep. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, lockedOut } from '../support/daemon.ts'
import { type Hung, hungDisk, hungPipe, hungSyslog, hungTerminal } from '../support/hung.ts'
import { PATIENCE } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const SOURCES = Array.from({ length: 200 }, (_, i) => `198.51.100.${i + 1}`)

/** The pid of the daemon, once it answers. */
async function armed(flypaperd: Installation): Promise<number> {
  for (const deadline = Date.now() + 20_000 * PATIENCE; ; await sleep(100)) {
    const { code, stdout } = await flypaperd.run('status', '--json')
    if (code === 0) return JSON.parse(stdout).daemon.pid
    if (Date.now() > deadline) throw new Error(`the trap is not armed: ${stdout}`)
  }
}

async function goesOn(t: TestContext, make: (folder: string) => Hung): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-hung-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  const hung = make(folder)
  await hung.begin?.(gate)
  using flypaperd = install(gate, '', hung.options)
  const daemon = await flypaperd.launch('start')
  const pid = await armed(flypaperd)
  await hung.stop?.(gate, pid)
  // Whatever fails: nobody can be killed who waits for a frozen disk.
  await using _ = { [Symbol.asyncDispose]: () => hung.goOn(gate, pid).catch(() => {}) }

  await send(scanner, {
    bursts: SOURCES.map(source => [{ source, destination: '192.0.2.1', tcp: 20000 }]),
    wait: 0,
  })
  assert.equal(await lockedOut(flypaperd, SOURCES.length), SOURCES.length)
  const listed = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(new Set(listed.map(({ source }) => source)), new Set(SOURCES))

  await hung.goOn(gate, pid)
  const told = () =>
    new Set([...hung.text().matchAll(/lockout (\S+), who tried/g)].map(([, source]) => source))
  for (const deadline = Date.now() + 20_000 * PATIENCE; told().size < SOURCES.length; await sleep(100))
    if (Date.now() > deadline) break
  assert.deepEqual(told(), new Set(SOURCES), 'once it is read again, all is there')
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
}

test('a /dev/log that nobody reads', t => goesOn(t, hungSyslog))
test('a pipe that nobody reads', t => goesOn(t, folder => hungPipe(folder, 'pipe')))
test('a journal that does not read', t => goesOn(t, folder => hungPipe(folder, 'journal')))
test('a terminal that Ctrl-S has stopped', t => goesOn(t, hungTerminal))
const OWN_USERS = !/^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'))
const NO_LOOP =
  (OWN_USERS || spawnSync('losetup', ['--find']).status !== 0) &&
  'outside CI: this user may not mount a file as a disk'

test('a disk that hangs', { skip: NO_LOOP }, t => goesOn(t, hungDisk))
