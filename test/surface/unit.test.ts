/** Verbs that have to do with the unit of systemd, with a systemctl and a daemon of our making; the real ones: test/vm/systemd/terminal.ts. */
import assert from 'node:assert/strict'
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import type { DaemonStatus } from '../../src/surface/control/status-protocol.ts'
import { runsDaemon } from '../../src/system/holder.ts'
import { openSystem } from '../../src/system/system.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import { NOTHING } from '../support/daemon-status.ts'

const COUNTS = { ...NOTHING, logLost: 0 }
const TRIED = {
  pid: 4711,
  version: '0.1.0',
  since: 0,
  capture: 'log',
  closed: 'listening',
  dryRun: false,
  tryUntil: 1,
  settingsFile: '/etc/flypaperd/flypaperd.toml',
  counts: { ...COUNTS, spared: {}, kernel: {} },
} satisfies DaemonStatus

/** What systemctl answers: `start: fails` for a start that does. */
type Answers = Readonly<Record<string, { isDone: boolean; text: string }>>
const INSTALLED: Answers = { show: { isDone: true, text: 'loaded' } }

async function said(args: readonly string[], status: DaemonStatus, answers: Answers | undefined) {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'flypaperd-test-'))
  const told: string[] = []
  const asked: string[] = []
  const daemon = { status: async () => status, confirm: async () => void told.push('confirm') }
  const system: System = {
    ...openSystem({ socket: join(folder.path, 'control.sock'), state: folder.path }),
    async systemctl(...words) {
      asked.push(words.join(' '))
      return answers && (answers[words[0]!] ?? { isDone: true, text: '' })
    },
  }
  const sockets = { listen: listenAt, peerOf: () => 'root' }
  await using _ = await serveControl(system.socket, daemon as unknown as Served, sockets)
  const written = { out: '', err: '' }
  const to = (stream: 'out' | 'err') => (text: string) => {
    written[stream] += text
  }
  const place = args.includes('--socket') ? [system.socket] : []
  const code = await runProgram([...args, ...place], () => system, { out: to('out'), err: to('err') })
  return { code, ...written, told, asked: asked.filter(one => !one.startsWith('show')) }
}

test('confirm: the unit takes over, and who wants it at boot hears how', async () => {
  const hands = ['reset-failed flypaperd.service', 'start flypaperd.service', 'is-enabled flypaperd.service']
  const all = await said(['confirm'], TRIED, INSTALLED)
  assert.deepEqual([all.code, all.told, all.asked], [0, ['confirm'], hands])
  assert.equal(all.out, 'The trap stays armed. flypaperd.service has taken over.\n')
  const not = await said(['confirm'], TRIED, {
    ...INSTALLED,
    'is-enabled': { isDone: false, text: 'disabled' },
  })
  assert.match(not.out, /taken over\.\nAt boot it is not started yet: systemctl enable flypaperd\.service\n$/)
})

test('confirm: a unit that does not take over, 69; the trial is confirmed all the same', async () => {
  const { code, err, told } = await said(['confirm'], TRIED, {
    ...INSTALLED,
    start: { isDone: false, text: 'Job failed.' },
  })
  assert.deepEqual([code, told], [69, ['confirm']])
  assert.match(
    err,
    /^flypaperd: flypaperd\.service did not take over: Job failed\.\nThe trap stays armed, .*pid 4711/,
  )
})

test('confirm: nothing is started where there is no unit, where it is the unit, and for what was not tried with its settings', async () => {
  const { tryUntil: _, ...armed } = TRIED
  for (const [what, args, status, answers] of [
    ['no systemd', ['confirm'], TRIED, undefined],
    ['no such unit', ['confirm'], TRIED, { show: { isDone: true, text: 'not-found' } }],
    ['masked', ['confirm'], TRIED, { show: { isDone: true, text: 'masked' } }],
    ['no trial', ['confirm'], armed, INSTALLED],
    ['the unit itself', ['confirm'], { ...TRIED, unit: 'flypaperd.service' }, INSTALLED],
    ['another daemon', ['confirm', '--socket'], TRIED, INSTALLED],
  ] as const) {
    const { code, out, asked } = await said(args, status, answers)
    assert.deepEqual([code, out, asked], [0, 'The trap stays armed.\n', []], what)
  }
  const other = await said(['confirm'], { ...TRIED, settingsFile: '/root/mine.toml' }, INSTALLED)
  assert.deepEqual([other.code, other.asked], [0, []])
  assert.match(other.out, /^The trap stays armed\. It was tried with \/root\/mine\.toml, so /)
})

test('restart where the unit runs: systemctl, and its failure', async () => {
  const running = { ...TRIED, unit: 'my-trap.service' }
  const done = await said(['restart'], running, {})
  assert.deepEqual([done.code, done.asked], [0, ['restart my-trap.service']])
  assert.equal(done.out, 'flypaperd runs as my-trap.service: systemctl restart my-trap.service\n')
  const failed = await said(['restart'], running, { restart: { isDone: false, text: 'Access denied' } })
  assert.equal(failed.code, 69)
  assert.match(failed.err, /^flypaperd: systemctl restart my-trap\.service failed: Access denied\n/)
  const own = await said(['restart', '--log', 'json'], running, {})
  assert.deepEqual([own.code, own.asked], [64, []])
})

test('which processes are a flypaperd, by their command line', () => {
  const is = (line: string) => runsDaemon(line.split(' '))
  for (const line of [
    '/usr/lib/flypaperd/node --disable-sigusr1 --max-semi-space-size=1 /usr/lib/flypaperd/dist/main.js start',
    'node /usr/local/bin/flypaperd try 300',
    'node --disable-sigusr1 src/checkout.ts restart --settings x.toml',
    'node bin/flypaperd.cjs start',
  ])
    assert.ok(is(line), line)
  for (const line of [
    '/usr/sbin/ulogd --daemon',
    'node /usr/local/bin/flypaperd watch',
    'node /opt/other/server.js start',
    'vi /etc/flypaperd/flypaperd.toml',
    'start flypaperd',
  ])
    assert.ok(!is(line), line)
})
