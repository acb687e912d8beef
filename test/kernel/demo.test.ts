/** `npm run demo` shows what it claims, as root and as an ordinary user, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
    const before = new Set(await things())
    const { code, stdout, stderr } = await run([...as, ...DEMO], { timeout: 60_000 })
    assert.equal(code, 0, stdout + stderr)
    assert.equal(stdout.match(/✔/g)?.length, 10)
    assert.match(stdout, /lockout 192\.0\.2\.66, who tried TCP-port 1, for 1h/)
    assert.doesNotMatch(stdout, /\x1b|NOT SO/)
    assert.ok(stdout.split('\n').every(line => line.length <= 100))
    // The last processes of a namespace end after the demo itself.
    const left = async () => (await things()).filter(thing => !before.has(thing))
    for (let i = 0; i < 50 && (await left()).length > 0; i++) await sleep(100)
    assert.deepEqual(await left(), [])
  })
}

/** Network namespaces and directories, by name: tests before this one may still be clearing up. */
async function things(): Promise<string[]> {
  const namespaces = (await run(['lsns', '-n', '-t', 'net', '-o', 'NS'])).stdout.trim().split('\n')
  return [...namespaces, ...readdirSync(tmpdir()).filter(name => name.startsWith('flypaperd-test-'))]
}
