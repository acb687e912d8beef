/** `npm run demo` shows what it claims, as root and as an ordinary user, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../support/process.ts'

const DEMO = [process.execPath, 'demo/demo.ts']
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
const USERS = [
  ['as this user', []],
  ['as an ordinary user', process.getuid?.() === 0 ? NOBODY : []],
] as const

for (const [who, as] of USERS) {
  test(who, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-demo-'))
    t.after(() => rmSync(directory, { recursive: true }))
    chmodSync(directory, 0o777)
    const { code, stdout, stderr } = await run([...as, ...DEMO], {
      timeout: 60_000,
      env: { TMPDIR: directory },
    })
    assert.equal(code, 0, stdout + stderr)
    assert.equal(stdout.match(/✔/g)?.length, 10)
    assert.match(stdout, /lockout 192\.0\.2\.66, who tried TCP-port 1, for 1h/)
    assert.ok(!stdout.includes('\u001b') && !stdout.includes('NOT SO'))
    assert.ok(stdout.split('\n').every(line => line.length <= 100))
    assert.deepEqual(readdirSync(directory), [])
    // A namespace without a name lives as long as its last process; those end a little after the demo itself.
    for (let i = 0; i < 50 && processesOf(directory).length > 0; i++) await sleep(100)
    assert.deepEqual(processesOf(directory), [])
  })
}

/** The processes that inherited this directory for their temporary files. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${directory}\0`)
      )
    } catch {
      return false // it has ended meanwhile, or is another user's
    }
  })
}
