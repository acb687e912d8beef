/** Where the log of the real daemon goes, and what a program finds there. */
import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, type Options, places } from '../support/daemon.ts'
import { ownDev, startedBy } from '../support/hung.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

async function scene(options: Options) {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  const flypaperd: Installation = install(gate, '', options)
  const scan = (source: string) =>
    send(scanner, { bursts: [[{ source, destination: '192.0.2.1', tcp: 20000 }]], wait: 0 })
  return {
    gate,
    flypaperd,
    scan,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      flypaperd[Symbol.dispose]()
    },
  }
}

test('no journal, no terminal, no syslog: standard error has the log, and the file of standard output says so', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'flypaperd-test-'))
  const stdout = join(folder.path, 'stdout')
  await using it = await scene({ by: startedBy('exec "$@" >"$OUT"'), mount: ownDev(), env: { OUT: stdout } })
  const daemon = await it.flypaperd.start()
  await it.scan('192.0.2.9')
  await daemon.says(/^\d{4}-\S+Z lockout 192\.0\.2\.9, who tried TCP-port 20000, for 10m$/)
  assert.equal(
    readFileSync(stdout, 'utf8'),
    'Starting portscan protection: flypaperd.\nThe log goes to standard error.\n',
  )
})

test('--log json: every line is an object, events as `watch --json` has them; a reload cannot change where', async () => {
  await using it = await scene({ by: startedBy('exec "$@"') })
  const { flypaperd } = it
  const daemon = await flypaperd.start('start', '--log', 'json')
  const watch = await it.gate.start([
    process.execPath,
    FLYPAPERD,
    'watch',
    '--json',
    ...places(flypaperd.directory),
  ])
  const locked = /.*"event":"lockout".*/
  const watched = watch.says(locked, 30_000)
  // From one source after the other, until the watcher is there.
  let isSeen = false
  watched.finally(() => (isSeen = true)).catch(() => {})
  for (let host = 1; !isSeen && host < 200; host++) {
    await it.scan(`198.51.100.${host}`)
    await sleep(100)
  }
  const { at: _, ...lockout } = JSON.parse((await watched)[0])
  flypaperd.settings('log = "syslog"')
  const { code, stderr } = await flypaperd.run('reload')
  assert.equal(code, 69)
  assert.match(stderr, /the settings change log, which a running daemon cannot do; a restart can/)
  flypaperd.settings('hold = "30s"')
  await flypaperd.must('reload')
  await flypaperd.must('stop')
  const { stdout, stderr: log } = await daemon.ended
  assert.equal(stdout, '')
  const lines = log
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    lines
      .filter(({ event, source }) => event === 'lockout' && source === lockout.source)
      .map(({ at, ...rest }) => rest),
    [lockout],
  )
  assert.deepEqual(
    lines
      .filter(({ text }) => text.startsWith('new settings'))
      .map(({ level, text }) => [level, text.slice(0, 20)]),
    [
      ['error', 'new settings are ref'],
      ['info', 'new settings are in '],
    ],
  )
  const loud = await flypaperd.run('start', '--log', 'loud')
  assert.deepEqual(
    [loud.code, loud.stderr],
    [64, 'flypaperd: --log takes one of auto, journal, stderr, syslog, json, not loud\n'],
  )
})
