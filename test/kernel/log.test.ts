/** Where the log of the real daemon goes, and what a program finds there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Installation, install, type Options } from '../support/daemon.ts'
import { ownDev, startedBy } from '../support/hung.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

async function scene(options: Options) {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  const flypaperd: Installation = install(gate, '', options)
  const scan = () =>
    send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 20000 }]], wait: 0 })
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
  await using it = await scene({
    by: startedBy('exec "$@" >"$STATE_DIRECTORY/stdout"'),
    mount: ownDev(),
  })
  const daemon = await it.flypaperd.start()
  await it.scan()
  await daemon.says(/^\d{4}-\S+Z lockout 192\.0\.2\.9, who tried TCP-port 20000, for 1h$/)
  assert.equal(
    readFileSync(join(it.flypaperd.directory, 'stdout'), 'utf8'),
    'Starting portscan protection: flypaperd.\nThe log goes to standard error.\n',
  )
})

test('--log json: every line is an object, events as `watch --json` has them; a reload cannot change where', async () => {
  await using it = await scene({ by: startedBy('exec "$@"') })
  const { flypaperd } = it
  const daemon = await flypaperd.start('start', '--log', 'json')
  const watch = await it.gate.start([process.execPath, 'src/checkout.ts', 'watch', '--json'], {
    env: { RUNTIME_DIRECTORY: flypaperd.directory },
  })
  await new Promise(resolve => setTimeout(resolve, 1500))
  await it.scan()
  const [watched] = await watch.says(/.*"event":"lockout".*/)
  await daemon.says(/"event":"lockout"/)
  flypaperd.settings('log = "syslog"')
  const { code, stderr } = await flypaperd.run('reload')
  assert.equal(code, 78)
  assert.match(stderr, /the settings change log, which a running daemon cannot do[\s\S]*flypaperd restart/)
  flypaperd.settings('hold = "30s"')
  await flypaperd.must('reload')
  await flypaperd.must('stop')
  const { stdout, stderr: log } = await daemon.ended
  assert.equal(stdout, '')
  const lines = log
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const { at: _, ...lockout } = JSON.parse(watched)
  assert.deepEqual(
    lines.filter(({ event }) => event === 'lockout').map(({ at, ...rest }) => rest),
    [lockout],
  )
  assert.deepEqual(
    lines
      .flatMap(({ level, text }) => (level === undefined ? [] : [`${level}: ${text.split(' (')[0]}`]))
      .slice(-2),
    ['error: new settings are refused', 'info: new settings are in force'],
  )
  const loud = await flypaperd.run('start', '--log', 'loud')
  assert.deepEqual(
    [loud.code, loud.stderr],
    [64, 'flypaperd: --log takes one of auto, journal, stderr, syslog, json, not loud\n'],
  )
})
