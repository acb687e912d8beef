/** Settings on a disk that does not answer: a pipe that nobody writes to, whose opening hangs as well. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { SettingsFailure } from '../../src/settings/explain.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { readText } from '../../src/system/files.ts'
import { folders } from '../../src/system/folders.ts'
import { HANGING_READINGS_MAX, readApart } from '../../src/system/reading.ts'
import { Failure } from '../../src/terms/failure.ts'
import { prefixesIn } from '../../src/terms/prefix-set.ts'
import { eventually } from '../support/eventually.ts'
import { PATIENCE } from '../support/process.ts'

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const pipe = (name: string) => {
    execFileSync('mkfifo', [join(folder, name)])
    return join(folder, name)
  }
  return { folder, file, pipe }
}

test('what a thread reads is what would be read here: settings, lists, versions, and mistakes with their places', async t => {
  const { folder, file } = folderOf(t)
  const list = file('a.list', '192.0.2.0/24\n2001:db8::/32\n')
  file('b.list', '198.51.100.7\n')
  const main = file('x.toml', `never = ["203.0.113.7"]\nnever_files = ["${list}", "${folder}/"]\n`)
  const apart = readApart()
  const here = loadSettings(main, readText, folders)
  for (const isSettled of [true, false]) {
    const there = await apart.settings(main, isSettled)
    const facts = ({ neverFiles: { prefixes, files, ...never }, ...settings }: typeof there) => ({
      ...settings,
      never: [never, ...prefixesIn(prefixes)],
      files: files.map(one => [one.file, ...prefixesIn(one.prefixes)]),
    })
    assert.deepEqual(facts(there), facts(here))
  }
  const named = [`${folder}/`]
  const { version } = await apart.neverFiles.version(named)
  assert.equal((await apart.neverFiles.read(named)).version, version)
  file('b.list', 'no prefix\n')
  assert.notEqual((await apart.neverFiles.version(named)).version, version)
  const isWrong = (error: unknown) =>
    error instanceof SettingsFailure && error.mistakes[0]!.line === 1 && /b\.list:1:1/.test(error.message)
  await assert.rejects(apart.neverFiles.read(named), isWrong)
  await assert.rejects(apart.settings(main, false), isWrong)
})

test('a thread that begins late has touched nothing: it is waited for', async t => {
  const { folder, file } = folderOf(t)
  const reading = new URL('../../src/system/reading-thread.ts', import.meta.url)
  const late = file(
    'late.mjs',
    `await new Promise(resolve => setTimeout(resolve, 2000))\nawait import(${JSON.stringify(reading.href)})\n`,
  )
  const apart = readApart(pathToFileURL(late), { idle: 500, busy: 20_000 * PATIENCE })
  const settings = await apart.settings(file('x.toml', 'closed = "unmatched"\n'), false)
  assert.equal(settings.closed, 'unmatched', folder)
})

test('settings that hang are refused with the name of the file; the loop goes on meanwhile; so many hang at most; and it ends', async t => {
  const { file, pipe } = folderOf(t)
  const hung = pipe('hung.toml')
  const apart = readApart(undefined, { idle: 1000 * PATIENCE, busy: 10_000 * PATIENCE })
  let longest = 0
  let last = performance.now()
  const beats = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 10)
  const isRefusal = (error: unknown) =>
    error instanceof Failure &&
    error.exit === 69 &&
    /^the settings cannot be read: \S+hung\.toml does not answer$/.test(error.message)
  const refusals = Array.from({ length: HANGING_READINGS_MAX }, () =>
    assert.rejects(apart.settings(hung, false), isRefusal),
  )
  await assert.rejects(
    apart.settings(file('x.toml', ''), false),
    /what was to be read before does not answer/,
  )
  await Promise.all(refusals)
  clearInterval(beats)
  assert.ok(longest < 800 * PATIENCE, `${longest} ms`)
  execFileSync('timeout', ['5', 'sh', '-c', ': > "$0"', hung])
  const hold = async () => (await apart.settings(file('y.toml', 'hold = "7s"'), false).catch(() => {}))?.hold
  await eventually('they have answered', async () => (await hold()) === 7)
})

test('once a pipe is written to, its settings are read; and a process ends while another one hangs', async t => {
  const { pipe } = folderOf(t)
  const slow = pipe('slow.toml')
  const reading = readApart().settings(slow, false)
  spawn('sh', ['-c', 'sleep 0.3; echo "hold = \\"7s\\"" > "$0"', slow])
  assert.equal((await reading).hold, 7)

  const program = `
    import { readApart } from ${JSON.stringify(join(import.meta.dirname, '../../src/system/reading.ts'))}
    const { settings } = readApart(undefined, { idle: 500, busy: 500 })
    await settings(${JSON.stringify(pipe('hung.toml'))}, false).catch(error => { process.exitCode = error.exit })`
  const ended = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' })
  const timer = setTimeout(() => ended.kill('SIGKILL'), 10_000 * PATIENCE)
  const status = await new Promise(resolve => ended.on('exit', resolve))
  clearTimeout(timer)
  assert.equal(status, 69)
})
