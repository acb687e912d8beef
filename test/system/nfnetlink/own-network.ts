/** Kernel tests of a library that knows nothing of flypaperd: the test file runs again in a network of its own. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const INSIDE = 'NFNETLINK_TEST_INSIDE'
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/**
 * Outside: one test that runs `file` again inside a fresh network namespace (as an ordinary user also in a user
 * namespace) and fails with its output. Inside: loopback is up, then `define`. The namespace ends with the process.
 */
export function inOwnNetwork(file: string, define: () => void, flags: readonly string[] = []): void {
  if (process.env[INSIDE] !== undefined) {
    command('ip link set lo up')
    define()
    return
  }
  test('in a network namespace of its own', () => {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
    const again = [process.execPath, ...flags, fileURLToPath(file)]
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { status, stdout, stderr } = spawnSync('unshare', [...user, '--net', '--', ...again], {
      env: { ...env, PATH, [INSIDE]: '1' },
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
    assert.match(stdout, /^(# |ℹ )pass [1-9]/m, 'no test ran')
  })
}

/** Runs a command without quoting in it; returns what it wrote, throws with its error output. */
export function command(line: string, input = ''): string {
  const [program, ...args] = line.split(' ')
  return execFileSync(program!, args, { env: { ...process.env, PATH }, encoding: 'utf8', input })
}
