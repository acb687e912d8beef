/** `npm run demo` shows what it claims, as root and as an ordinary user, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, start } from '../support/process.ts'

const DEMO = [process.execPath, 'demo/demo.ts']
/** Whom root becomes: the owner of the checkout, who can surely read it, else nobody. */
const USER = statSync('.').uid || 65534
const ORDINARY = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
/** Root of a user namespace is an ordinary user, and has nobody to become. */
const isRealRoot =
  process.getuid?.() === 0 && /^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'))
const canRead =
  isRealRoot && (await run([...ORDINARY, 'test', '-r', 'demo/demo.ts', '-a', '-x', DEMO[0]!])).code === 0

test('as this user', async t => await showsItAll(t, DEMO))

test('as an ordinary user', { skip: reasonToSkip() }, async t => await showsItAll(t, [...ORDINARY, ...DEMO]))

test('Ctrl-C in the middle', async t => {
  const directory = temporaryDirectory(t)
  const demo = await start(['setsid', ...DEMO], { env: { TMPDIR: directory } })
  await demo.says(/lockout 192\.0\.2\.66/, 30_000)
  assert.equal(readdirSync(directory).length, 1)
  assert.ok(processesOf(directory).length > 3)
  process.kill(-demo.pid, 'SIGINT')
  const { code, stdout, stderr } = await demo.ended
  assert.deepEqual([code, stderr], [130, ''], stdout)
  await assertNothingLeft(directory)
})

test('a reader who goes away', async t => {
  const directory = temporaryDirectory(t)
  const { stdout } = await run(['sh', '-c', '"$@" | head -n 3', 'sh', ...DEMO], {
    env: { TMPDIR: directory },
  })
  assert.equal(stdout.split('\n').length, 4)
  await assertNothingLeft(directory)
})

test('a claim that is not true', async t => {
  const directory = temporaryDirectory(t)
  const blind = join(temporaryDirectory(t), 'nmap')
  writeFileSync(blind, '#!/bin/sh\n', { mode: 0o755 })
  const env = { TMPDIR: directory, PATH: `${dirname(blind)}:${process.env.PATH}:/usr/sbin:/sbin` }
  const { code, stdout } = await run(DEMO, { env })
  assert.equal(code, 1)
  assert.match(stdout, /NOT SO: without flypaperd nmap finds 22, 80 and 43974\n$/)
  await assertNothingLeft(directory)
})

function reasonToSkip(): string | false {
  if (!isRealRoot) return 'outside CI: the test before this one was it'
  return canRead ? false : 'outside CI: ordinary users cannot read this checkout'
}

async function showsItAll(t: TestContext, command: readonly string[]): Promise<void> {
  const directory = temporaryDirectory(t)
  const { code, stdout, stderr } = await run(command, { timeout: 60_000, env: { TMPDIR: directory } })
  assert.equal(code, 0, stdout + stderr)
  assert.equal(stdout.match(/✔/g)?.length, 11)
  assert.match(stdout, /lockout 192\.0\.2\.66, who tried TCP-port 1, for 10m/)
  assert.equal(stdout.match(/^ {2}43974\/tcp open /gm)?.length, 2, 'before the trap and after the release')
  assert.ok(!stdout.includes('\u001b') && !stdout.includes('NOT SO'))
  assert.deepEqual(
    // The name of a temporary directory is as long as it is, and so is what nft lists.
    stdout.split('\n').filter(line => line.length > 80 && !/^ {2}(settings: |\t\t)/.test(line)),
    [],
  )
  for (const line of readmeSession()) assert.ok(stdout.includes(`${line}\n`), `not in the demo: ${line}`)
  await assertNothingLeft(directory)
}

/** What the README shows of the demo, but for what differs from run to run and from kernel to kernel. */
function readmeSession(): string[] {
  const [, session] = readFileSync('README.md', 'utf8').match(/drawn from a run.*\n```\n([\s\S]*?)```/)!
  const lines = session!
    .split('\n')
    .filter(line => line !== '' && !/NFLOG|\(pid |expires|settings:/.test(line))
  assert.ok(lines.length > 30)
  return lines
}

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-demo-'))
  t.after(() => rmSync(directory, { recursive: true }))
  chmodSync(directory, 0o1777)
  return directory
}

/** A namespace without a name lives as long as its last process; those end a little after the demo itself. */
async function assertNothingLeft(directory: string): Promise<void> {
  for (let i = 0; i < 50 && processesOf(directory).length > 0; i++) await sleep(100)
  assert.deepEqual(processesOf(directory), [])
  assert.deepEqual(readdirSync(directory), [])
}

/** The processes that inherited this directory, or one in it, for their temporary files. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${directory}`)
      )
    } catch {
      return false // it has ended meanwhile, or is another user's
    }
  })
}
