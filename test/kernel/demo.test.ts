/** `npm run demo` shows what it claims, as root and as an ordinary user, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { run } from '../support/process.ts'

const DEMO = [process.execPath, 'demo/demo.ts']
const USERS = [
  ['as this user', []],
  [
    'as an ordinary user',
    process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [],
  ],
] as const

for (const [who, as] of USERS) {
  test(who, async () => {
    const before = await left()
    const { code, stdout, stderr } = await run([...as, ...DEMO], { timeout: 60_000 })
    assert.equal(code, 0, stdout + stderr)
    assert.equal(stdout.match(/✔/g)?.length, 10)
    assert.match(stdout, /lockout 192\.0\.2\.66, who tried TCP-port 1, for 1h/)
    assert.doesNotMatch(stdout, /\x1b|NOT SO/)
    assert.ok(stdout.split('\n').every(line => line.length <= 100))
    assert.deepEqual(await left(), before)
  })
}

async function left() {
  const namespaces = (await run(['lsns', '-n', '-t', 'net', '-o', 'NS'])).stdout.trim().split('\n').length
  return {
    namespaces,
    directories: readdirSync(tmpdir()).filter(name => name.startsWith('flypaperd-test-')).length,
  }
}
