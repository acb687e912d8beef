/**
 * What touches the kernel is tested in a network namespace of its own. A process cannot be moved into one
 * from JavaScript, so the test file runs itself again inside. An ordinary user gets a user namespace too.
 */
import { spawn } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MARK = 'FLYPAPERD_TEST_INSIDE'
/** Milliseconds until what runs inside is killed. */
const PATIENCE = 180_000

/**
 * Defines these tests in a fresh network namespace (`lo` is down): outside, one test that runs the file
 * inside and fails with its output.
 * @param file `import.meta.url` of the test file
 */
export function describeInNamespace(file: string, define: () => void): void {
  // In a fresh namespace no interface is up, so a mark that was set by hand does not endanger the machine's own.
  const inside = process.env[MARK] !== undefined && Object.keys(networkInterfaces()).length === 0
  if (inside) define()
  else test('in a network namespace of its own', async () => void (await runInNamespace(file)))
}

/** Runs a TypeScript file inside a fresh network namespace and resolves to its output; rejects with it on failure. */
export function runInNamespace(file: string, args: readonly string[] = []): Promise<string> {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file
  const unshare = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']
  // NODE_TEST_CONTEXT would make the child report to a runner that does not listen.
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn('unshare', [...unshare, '--', process.execPath, path, ...args], {
    env: { ...env, [MARK]: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) =>
      status === 0 ? resolve(output) : reject(new Error(`${path}: ${signal ?? `exit ${status}`}\n${output}`)),
    )
  })
}
