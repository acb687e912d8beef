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

/** Runs the child with stderr in a file; the variable is what systemd would say of that file, or a lie. */
function underSystemd(lie: boolean, line: string) {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  const fd = openSync(join(folder, 'journal'), 'w')
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true })
    const env = { ...process.env, JOURNAL_STREAM: `${dev}:${lie ? ino + 1n : ino}` }
    const { status, stdout } = spawnSync(process.execPath, [CHILD, line], {
      env,
      stdio: ['ignore', 'pipe', fd],
    })
    return { status, stdout: String(stdout), journal: readFileSync(join(folder, 'journal'), 'utf8') }
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
  assert.deepEqual(underSystemd(false, LINE), {
    status: 7,
    stdout: '',
    journal: `<6>${LINE}\n<4>a warning\n<3>an error\n`,
  })
})

test('a JOURNAL_STREAM that is not our stderr is inherited and means nothing', () => {
  assert.deepEqual(underSystemd(true, LINE), { status: 7, stdout: '', journal: '' })
})

test('a line stays one line, whatever is in it', () => {
  const { journal } = underSystemd(false, 'eve\n<0>lockout 192.0.2.1\r\x1b[2J')
  assert.equal(journal.split('\n')[0], '<6>eve\\x0a<0>lockout 192.0.2.1\\x0d\\x1b[2J')
  assert.equal(journal.split('\n').length, 4)
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
