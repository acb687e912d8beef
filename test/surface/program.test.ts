/** The command line with a system of our making: what it says and how it ends when the world lacks something. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { tolerantHistory } from '../../src/history/tolerant.ts'
import { openEvents } from '../../src/log/events.ts'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import { openClock } from '../../src/system/clock.ts'
import { openFirewall } from '../../src/system/firewall.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { openSystem } from '../../src/system/system.ts'
import { Failure } from '../../src/terms/failure.ts'
import { facts } from '../doctor/facts.ts'
import { fakeFirewall, type Lacking } from '../support/fake-firewall.ts'
import { quietKernelSets } from '../support/fake-kernel-sets.ts'
import { fakeRing } from '../support/fake-ring.ts'
import { settingsFrom } from '../support/read-settings.ts'

async function run(args: readonly string[], changes: Partial<System> = {}) {
  const written = { out: '', err: '' }
  const system = {
    ...openSystem({ socket: '/nonexistent/control.sock', state: '/nonexistent' }),
    ...changes,
  }
  const writer = (to: 'out' | 'err') => (text: string) => {
    written[to] += text
  }
  const code = await runProgram(args, () => system, { out: writer('out'), err: writer('err') })
  return { code, ...written }
}

/** What closed = "auto" finds on an empty machine. */
const noFirewall = () => facts()

const readText = () => ({ unreadable: 'missing', because: 'not there' }) as const

/** A world whose kernel lacks something; it must not come to opening packet sockets or writing the history. */
function world(lacking: Lacking): Partial<System> {
  const firewall = fakeFirewall({ lacking })
  const { surroundings } = openSystem()
  const log = { info() {}, warn() {}, error() {} }
  const database = openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false })
  return {
    ...settingsFrom(readText),
    openWorld: () =>
      ({
        firewall,
        surroundings,
        sockets: {
          open: () => ({
            counts: () => ({ packets: 0, waiting: 0, overruns: 0, lost: 0 }),
            [Symbol.dispose]() {},
          }),
        },
        kernelSets: quietKernelSets,
        lookAtFirewall: noFirewall,
        stateFile: { write: async () => {}, remove() {} },
        ring: fakeRing(0).files,
        version: '0.0.0',
        history: tolerantHistory(openHistory(database), {
          log,
          now: Date.now,
          isDamage: () => false,
        }),
        log,
        now: Date.now,
        time: openClock(),
        clock: () => performance.now() / 1000,
        [Symbol.dispose]() {},
      }) as never,
  }
}

test('a kernel without NFLOG and queue, or without nft_socket: 69, and what is missing', async () => {
  const neither = await run(['start'], world({ queue: true, log: true }))
  assert.deepEqual([neither.code, neither.out], [69, 'Starting portscan protection: flypaperd.\n'])
  assert.match(
    neither.err,
    /^flypaperd: this kernel cannot hand packets over: it lacks the queue statement \(module nft_queue\) and log to a group \(modules nft_log and nfnetlink_log\)\n/,
  )
  const socket = await run(['start'], world({ queue: true, socket: true }))
  assert.equal(socket.code, 69)
  assert.match(socket.err, /lacks the module nft_socket\nLoad it/)
})

test('no libnftables: 69, and the package that has it', async () => {
  const missing = () => openFirewall({ library: 'libnot-there.so.1' })
  const { code, err } = await run(['status'], { openFirewall: missing, readText })
  assert.equal(code, process.getuid?.() === 0 ? 69 : 77)
  if (code === 69)
    assert.match(
      err,
      /^flypaperd: libnftables\.so\.1 is not installed, or cannot be loaded\nInstall it: apt-get install libnftables1\n$/,
    )
})

test('ten different mistakes in the settings: 78, each as file, line and column, with what to write instead', async () => {
  const mistakes: [text: string, place: string, advice: RegExp][] = [
    ['\nhold = "soon"', '2:8', /write a number and s/],
    ['holt = "20s"', '1:1', /did you mean hold\?/],
    ['closed = "shut"', '1:10', /"unmatched", "listening"/],
    ['number = 70000', '1:10', /write a number from|write number = /],
    ['never = ["192.0.2.300"]', '1:10', /./],
    ['never = ["192.0.2.1/24"]', '1:10', /192\.0\.2\.0\/24/],
    ['[lockout]\nmany = "1m"', '2:8', /write many = "10m"/],
    ['hold = "20s"\nhold = "30s"', '2:1', /./],
    ['[chains]\ninput = ["flypaper_judge"]', '2:10', /the name of a chain of your own/],
    ['closed = listening', '1:10', /./],
    ['sizes = 3', '1:9', /write \[sizes\] in a line of its own/],
  ]
  for (const [text, place, advice] of mistakes) {
    const { code, out, err } = await run(['check', '--settings', '/etc/f.toml'], {
      readText: () => ({ text }),
    })
    assert.deepEqual([code, out], [78, ''], text)
    const [title, where, line, caret, ...rest] = err.split('\n')
    assert.equal(title, 'flypaperd: there is a mistake in the settings', text)
    assert.ok(where!.startsWith(`/etc/f.toml:${place}: `), `${text}: ${where}`)
    assert.match(caret!, /^ +\^$/, err)
    assert.ok(text.includes(line!.trim()), err)
    assert.match(rest.join('\n'), advice, err)
  }
})

test('usage: 64, with the next best verb and option', async () => {
  for (const [args, hint] of [
    [[], /Usage: flypaperd VERB/],
    [['stat'], /unknown command 'stat'\n\(Did you mean start\?\)/],
    [['status', '--jsn'], /Did you mean --json\?/],
    [['lock'], /missing required argument 'who'/],
    [['free'], /whom to free is not said\nName an address/],
    [['list', '--sort', 'size'], /--sort is one of since, until, times, port, not size/],
    [['list', '--port', '65536'], /--port is a number up to 65535/],
    [['list', '--since', 'yesterday'], /yesterday is no time: write 7d/],
    [['list', '--limit', '-1'], /--limit is a number or all/],
    [['lock', '192.0.2.9', '--for', '0'], /--for takes a time from 1s/],
    [['wy'], /Did you mean why/],
    [['start', 'now'], /too many arguments/],
    [['try', 'soon'], /try takes seconds/],
    [['generate', '--capture', 'mail'], /queue or log, not mail/],
  ] as const) {
    const { code, err } = await run(args, { readText })
    assert.equal(code, 64, args.join(' '))
    assert.match(err, hint)
  }
})

test('help, version and check need nothing and end with 0', async () => {
  for (const args of [
    ['help'],
    ['--help'],
    ['help', 'try'],
    ['version'],
    ['--version'],
    ['check'],
    ['generate'],
  ]) {
    const { code, out, err } = await run(args, { readText })
    assert.deepEqual([code, err], [0, ''], args.join(' '))
    assert.notEqual(out, '')
  }
  assert.match((await run(['help'])).out, /start.*\n[\s\S]*free.*\n[\s\S]*version/)
  assert.deepEqual(JSON.parse((await run(['version', '--json'])).out), { version: openSystem().version })
})

test('a stop that the kernel refuses is told to whoever said stop, and by the daemon: 69, and why', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-stop-'))
  const system = openSystem({ socket: join(directory, 'control.sock'), state: directory })
  const firewall = fakeFirewall()
  firewall.refuse(
    asked => typeof asked !== 'string' && asked.some(({ change }) => change === 'delete-chain'),
    new Failure('the kernel keeps it', { exit: 69 }),
  )
  const armed = Promise.withResolvers<void>()
  const nothing = { [Symbol.dispose]() {} }
  const log = {
    info: (line: string) => line.startsWith('trap armed') && armed.resolve(),
    warn() {},
    error() {},
    where: undefined,
    lost: () => 0,
  }
  const changes: Partial<System> = {
    ...settingsFrom(readText),
    socket: system.socket,
    metricsSocket: system.metricsSocket,
    watchRoutes: () => nothing,
    onSignal: () => nothing,
    openWorld: () => {
      const sockets = {
        open: () => ({ ...nothing, counts: () => ({ packets: 0, waiting: 0, overruns: 0, lost: 0 }) }),
      }
      const { surroundings, now } = system
      return {
        firewall,
        kernelSets: quietKernelSets,
        lookAtFirewall: noFirewall,
        surroundings,
        sockets,
        stateFile: { write: async () => {}, remove() {} },
        ring: fakeRing(0).files,
        version: '0.0.0',
        history: tolerantHistory(system.openHistory(), { log, now, isDamage: () => false }),
        log,
        events: openEvents(log, now),
        now,
        time: openClock(),
        clock: () => performance.now() / 1000,
        ...nothing,
      } as never
    },
  }
  try {
    const daemon = run(['start'], changes)
    await armed.promise
    const stop = await run(['stop'], changes)
    assert.deepEqual([stop.code, stop.err], [69, 'flypaperd: the daemon refused: the kernel keeps it\n'])
    const { code, err } = await daemon
    assert.deepEqual([code, err], [69, 'flypaperd: the kernel keeps it\n'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('our own bug: 70, with the trace on lines of its own', async () => {
  const broken = () => {
    throw new TypeError('evil\u001b[2J')
  }
  const { code, err } = await run(['status'], { openFirewall: broken as never, readText })
  assert.equal(code, 70)
  assert.match(err, /^flypaperd: this is a bug of flypaperd; please report it/)
  assert.ok(!err.includes('\u001b'))
  const failing = () => {
    throw new Failure('it is so', { exit: 69, hint: 'Do that.' })
  }
  assert.deepEqual(await run(['status'], { openFirewall: failing as never, readText }), {
    code: 69,
    out: '',
    err: 'flypaperd: it is so\nDo that.\n',
  })
})
