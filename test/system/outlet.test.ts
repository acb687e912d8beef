/** The real things that hang: nothing is taken any more, and nobody waits. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openOutlet } from '../../src/system/outlet.ts'

const CHILD = join(import.meta.dirname, 'outlet-child.ts')
/** Where /proc is not there, a descriptor cannot be opened once more: as when it is another user's. */
const WITHOUT_PROC = [
  'unshare',
  ...(process.getuid?.() === 0 ? ['-m'] : ['-Urm']),
  '--propagation',
  'private',
  'sh',
  '-c',
  'mount -t tmpfs none /proc && exec "$@"',
  'sh',
]
const ALL = 100_000 * 100

/** Bytes that were taken until none was any more. */
async function taken(
  t: TestContext,
  how: string,
  start: (command: string[]) => ChildProcess,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'outlet-'))
  const result = join(folder, 'result')
  const child = start([process.execPath, CHILD, result, how])
  t.after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  for (let tries = 0; tries < 1000; tries++) {
    if (existsSync(result) && readFileSync(result, 'utf8') !== '') return Number(readFileSync(result, 'utf8'))
    await sleep(20)
  }
  throw new Error('it waits')
}

const quote = (words: readonly string[]) => words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')

for (const [what, before] of [
  ['opened once more', []],
  ['that cannot be opened once more', WITHOUT_PROC],
] as const) {
  test(`a pipe ${what}, which nobody reads`, async t => {
    const bytes = await taken(t, '', command => {
      const [program, ...args] = [...before, ...command]
      // Not a pipe of Node, which is a socket: the shell makes a real one.
      return spawn('sh', ['-c', `${quote([program!, ...args])} | sleep 30`], { stdio: 'ignore' })
    })
    assert.ok(bytes >= 4096 && bytes < ALL, String(bytes))
  })

  test(`a terminal ${what}, whose other end is stopped`, async t => {
    const bytes = await taken(t, 'stop', command =>
      spawn('script', ['-qec', `exec ${quote([...before, ...command])}`, '/dev/null'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
    assert.ok(bytes > 0 && bytes < ALL, String(bytes))
  })
}

test('a socket that nobody reads', async t => {
  const bytes = await taken(t, '', ([program, ...args]) =>
    // A pipe of Node's is a socket; it is paused, since nobody listens.
    spawn(program!, args, { stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  assert.ok(bytes > 0 && bytes < ALL, String(bytes))
})

test('a file gets one piece after the other, and says when', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outlet-'))
  const fd = openSync(join(folder, 'log'), 'a')
  try {
    let isThere = Promise.withResolvers<void>()
    const outlet = openOutlet(fd, () => isThere.resolve())
    assert.equal(outlet.offer(Buffer.from('one\n')), 4)
    assert.equal(outlet.offer(Buffer.from('two\n')), 0, 'one after the other')
    await isThere.promise
    isThere = Promise.withResolvers()
    assert.equal(outlet.offer(Buffer.from('two\n')), 4)
    await isThere.promise
    assert.equal(readFileSync(join(folder, 'log'), 'utf8'), 'one\ntwo\n')
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  }
})

test('a descriptor that is closed takes nothing', () => {
  using outlet = openOutlet(987, () => {})
  assert.equal(outlet.offer(Buffer.from('line\n')), 0)
})
