import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'

const CHILD = join(import.meta.dirname, 'log-child.ts')
const GONE_CHILD = join(import.meta.dirname, 'log-gone-child.ts')
const LINE = 'lockout 69.0.231.79, who tried TCP-port 20000'
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Runs the child with stderr in a file; JOURNAL_STREAM is what systemd would say of that file, or a lie. */
function withStderr(line: string, { lie = false, to = 'auto' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  const fd = openSync(join(folder, 'stderr'), 'w')
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true })
    const env = { ...process.env, JOURNAL_STREAM: `${dev}:${lie ? ino + 1n : ino}`, LOG_TO: to }
    const { status, stdout } = spawnSync(process.execPath, [CHILD, line], {
      env,
      stdio: ['ignore', 'pipe', fd],
    })
    return { status, stdout: String(stdout), stderr: readFileSync(join(folder, 'stderr'), 'utf8') }
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  }
}

/** Runs a shell command on a terminal of its own: script(1) makes one and tells what appeared on it. */
function onTerminal(command: string, env: Record<string, string> = {}) {
  return spawnSync('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('under systemd: to the journal, with the priority in front', () => {
  const stderr = `<6>${LINE}\n<4>a warning\n<3>an error\n`
  for (const to of ['auto', 'journal'])
    assert.deepEqual(withStderr(LINE, { to }), { status: 7, stdout: '', stderr })
})

test('a JOURNAL_STREAM that is not our stderr is inherited: no journal, which is told where the log goes instead', () => {
  const { stderr } = withStderr(LINE, { lie: true, to: 'journal' })
  assert.deepEqual(withoutDates(stderr), [
    'log = "journal" is not possible: standard error is not the journal (JOURNAL_STREAM); so the log is here',
    LINE,
    'a warning',
    'an error',
  ])
})

test('to standard error: with a date', () => {
  const { stderr, stdout } = withStderr(LINE, { to: 'stderr' })
  assert.equal(stdout, '')
  assert.deepEqual(withoutDates(stderr), [LINE, 'a warning', 'an error'])
})

test('JSON: an object a line, whatever is in it', () => {
  const { stderr } = withStderr('eve\n\x1b[2J\u202e', { to: 'json' })
  assert.ok(/^[\x20-\x7e\n]+$/.test(stderr), stderr)
  const lines = stderr
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.ok(lines.every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 60_000))
  assert.deepEqual(
    lines.map(({ at, ...rest }) => rest),
    [
      { level: 'info', text: 'eve\n\x1b[2J\u202e' },
      { level: 'warn', text: 'a warning' },
      { level: 'error', text: 'an error' },
    ],
  )
})

/** The lines, each of which must begin with a date in UTC. */
function withoutDates(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map(line => {
      assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /)
      return line.slice(25)
    })
}

test('a line stays one line, whatever is in it, and is cut where no syslog daemon takes more', () => {
  const { stderr } = withStderr('eve\n<0>lockout 192.0.2.1\r\x1b[2J')
  assert.equal(stderr.split('\n')[0], '<6>eve\\x0a<0>lockout 192.0.2.1\\x0d\\x1b[2J')
  assert.equal(stderr.split('\n').length, 4)
  const [long] = withStderr('x'.repeat(20_000)).stderr.split('\n')
  assert.equal(long, `<6>${'x'.repeat(8192)}…`)
})

test('on a terminal: plain lines with the local time', () => {
  const { status, stdout } = onTerminal(`${quote(process.execPath)} ${quote(CHILD)} ${quote(LINE)}`, {
    TZ: 'Etc/GMT-5',
  })
  assert.equal(status, 7)
  const [first = '', ...rest] = stdout.split('\r\n')
  const time = /^(\d\d):(\d\d):(\d\d) /.exec(first)
  assert.ok(time, first)
  const east = new Date(Date.now() + 5 * 3_600_000)
  const minutes = Number(time[1]) * 60 + Number(time[2]) - (east.getUTCHours() * 60 + east.getUTCMinutes())
  assert.ok(
    [-1, 0, 1439].includes(minutes),
    `${first} is not the time five hours east of ${new Date().toISOString()}`,
  )
  assert.equal(first.slice(9), LINE)
  assert.deepEqual(
    rest.map(line => line.slice(9)),
    ['a warning', 'an error', ''],
  )
})

/** Runs the child that outlives its reader, and tells the error that its last write to the reader got. */
async function loseReader(t: TestContext, spawnChild: (result: string) => ChildProcess): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const result = join(folder, 'result')
  const reader = spawnChild(result)
  await Promise.race([once(reader.stdout!, 'data'), once(reader.stderr!, 'data')])
  reader.stdout!.destroy()
  reader.stderr!.destroy()
  if (reader.spawnfile === 'script') reader.kill('SIGKILL')
  const said = () => (existsSync(result) ? readFileSync(result, 'utf8') : '')
  for (let tries = 0; tries < 500 && said() === ''; tries += 1) await setTimeout(10)
  reader.kill('SIGKILL')
  return said() || 'the child died'
}

test('a journal that is gone costs the lines, not the daemon', async t => {
  const code = await loseReader(t, result => spawn(process.execPath, [GONE_CHILD, result]))
  assert.equal(code, 'EPIPE')
})

test('a terminal that is gone costs the lines, not the daemon', async t => {
  const code = await loseReader(t, result =>
    spawn('script', [
      '-qec',
      `exec ${[process.execPath, GONE_CHILD, result].map(quote).join(' ')}`,
      '/dev/null',
    ]),
  )
  assert.equal(code, 'EIO')
})

test('a full disk: the lines wait, and come when there is room', () => {
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    [
      ...(process.getuid?.() === 0 ? ['-m'] : ['-Urm']),
      '--propagation',
      'private',
      'sh',
      '-c',
      'mount -t tmpfs -o size=64k none /mnt && exec "$@" 2>/mnt/log',
      'sh',
      process.execPath,
      join(import.meta.dirname, 'full-disk-child.ts'),
    ],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  const { before, text } = JSON.parse(stdout) as { before: number; text: string }
  assert.ok(before < text.length / 2, 'the control: it was full')
  const lines = Array.from({ length: 300 }, (_, n) => `line ${n}`)
  assert.deepEqual(withoutDates(text), [...lines, 'there is room'])
})
