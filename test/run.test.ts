import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from './support/process.ts'

/** Runs the runner on files with these lines of tests; its last line and exit status. */
async function runnerOn(files: readonly string[], env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-run-'))
  try {
    for (const [i, body] of files.entries()) {
      writeFileSync(join(folder, `${i}.test.ts`), `import { describe, test } from 'node:test'\n${body}\n`)
    }
    const runner = [process.execPath, join(import.meta.dirname, 'run.ts'), `${folder}/*.test.ts`]
    // The runner refuses to work inside of a test, which it knows by this variable.
    const { stdout, code } = await run(['env', '-u', 'NODE_TEST_CONTEXT', ...runner], {
      env: { CI: '', FLYPAPERD_TRIES: '', ...env },
    })
    return { last: stdout.trimEnd().split('\n').at(-1), code, stdout }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const PASS = `test('good', () => {})`
const FAIL = `test('bad', () => { throw new Error('as it should') })`

test('the totals of all files are the last line, alone', async () => {
  const nested = `describe('group', () => { ${PASS} }); test.skip('later', () => {})`
  const { last, code, stdout } = await runnerOn([PASS, nested])
  assert.equal(last, '2 passed, 0 failed, 1 skipped')
  assert.equal(code, 0)
  assert.match(stdout, /^.*\*\.test\.ts: \d+\.\d minutes$/m)
})

test('a failure, a broken file and a file without tests each make it fail', async () => {
  const { last, code } = await runnerOn([PASS, FAIL, 'syntax error', ''])
  assert.equal(last, '1 passed, 3 failed, 0 skipped')
  assert.equal(code, 1)
})

test('no tests at all are a failure', async () => {
  const { last, code } = await runnerOn([])
  assert.equal(last, '0 passed, 0 failed, 0 skipped')
  assert.equal(code, 1)
})

test('in CI only what is outside of it may be skipped', async () => {
  const skips = `${PASS}\ntest('a', { skip: 'tired' }, () => {})\ntest('b', { skip: 'outside CI: KVM' }, () => {})`
  assert.equal((await runnerOn([skips])).last, '1 passed, 0 failed, 2 skipped')
  const { last, code, stdout } = await runnerOn([skips], { CI: 'true' })
  assert.equal(last, '1 passed, 1 failed, 1 skipped')
  assert.equal(code, 1)
  assert.match(stdout, /^why \| .*: a\nwhy \| skipped in CI because "tired"/m)
})

test('where a second try is asked for, a file that is red is run again, which is said; what is red twice has failed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-run-'))
  const once = (name: string) => {
    const file = JSON.stringify(join(folder, name))
    return `import { existsSync, writeFileSync } from 'node:fs'
      test('once', () => { if (existsSync(${file})) return; writeFileSync(${file}, ''); throw new Error('by chance') })`
  }
  try {
    const { last, code, stdout } = await runnerOn([PASS, once('a')], { FLYPAPERD_TRIES: '2' })
    assert.deepEqual([last, code], ['2 passed, 0 failed, 0 skipped', 0])
    assert.match(stdout, /^first try \| .*: once\nfirst try \| by chance$/m)
    assert.match(stdout, /^run twice: .*1\.test\.ts$/m)
    assert.doesNotMatch(stdout, /^why/m)
    const twice = await runnerOn([once('b'), FAIL], { FLYPAPERD_TRIES: '2' })
    assert.deepEqual([twice.last, twice.code], ['1 passed, 1 failed, 0 skipped', 1])
    assert.match(twice.stdout, /^why \| .*: bad\nwhy \| as it should$/m)
    assert.equal((await runnerOn([once('c')])).last, '0 passed, 1 failed, 0 skipped')
    const many = await runnerOn(
      ['d', 'e', 'f', 'g', 'h', 'i'].map(name => once(name)),
      { FLYPAPERD_TRIES: '2' },
    )
    assert.equal(many.last, '0 passed, 6 failed, 0 skipped')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a test that leaves something open does not keep the runner waiting', async () => {
  const { last } = await runnerOn([`test('open', () => { setInterval(() => {}, 1000) })`])
  assert.equal(last, '1 passed, 0 failed, 0 skipped')
})
