/** `flypaperd web` as it is started: by hand with options, and by systemd with sockets that are open already. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { passedSockets } from '../../../src/system/passed-sockets.ts'
import { places } from '../../support/daemon.ts'
import { descendants } from '../../support/descendants.ts'
import { eventually } from '../../support/eventually.ts'
import { askPage, sessionOf } from '../../support/page.ts'
import { run, start } from '../../support/process.ts'
import { FLYPAPERD } from '../../support/programs.ts'

function inDirectory(t: { after(done: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-web-'))
  t.after(() => {
    for (const made of [directory, `${directory}-web`]) rmSync(made, { recursive: true, force: true })
  })
  return directory
}

test('no address but the loopback is taken, and each mistake has its sentence', async t => {
  const directory = inDirectory(t)
  for (const [args, exit, sentence] of [
    [
      ['--listen', '0.0.0.0:8427'],
      64,
      /^flypaperd: --listen takes 127\.0\.0\.1:PORT or \[::1\]:PORT, and no/,
    ],
    [['--listen', '[::]:8427'], 64, /reverse proxy with TLS/],
    [['--listen', '192.0.2.1:8427'], 64, /--listen takes/],
    [['--listen', '8427'], 64, /--listen takes/],
    [['--listen', '127.0.0.1:0'], 64, /--listen takes/],
    [['--listen', '127.0.0.1:65536'], 64, /--listen takes/],
    [['--host', 'https://a.example/'], 64, /^flypaperd: --host takes the name of a host/],
    [
      ['--link'],
      69,
      /^flypaperd: nobody serves the page at .*link\.sock\nServe it: flypaperd web, or systemctl/,
    ],
  ] as const) {
    const { code, stderr, stdout } = await run([
      process.execPath,
      FLYPAPERD,
      'web',
      ...args,
      ...places(directory),
    ])
    assert.deepEqual([code, stdout], [exit, ''], stderr)
    assert.match(stderr, sentence)
  }
  assert.equal(existsSync(`${directory}-web`), false, 'nothing is made')
})

/** Ends what it runs; it ends with that. */
function endBelow(pid: number): void {
  for (const below of descendants(pid).keys()) process.kill(below)
}

const PASSING = new URL('passing-child.ts', import.meta.url).pathname

/** The page's process with such sockets, which are named to it. */
async function startWith(sockets: readonly string[], directory: string) {
  const web = [process.execPath, FLYPAPERD, 'web', ...places(directory)]
  return start([process.execPath, PASSING, ...sockets, '--', ...web])
}

test('started by its sockets, it takes each for what it is, and prints no link', async t => {
  const directory = inDirectory(t)
  const [page, links] = [join(directory, 'web.sock'), join(directory, 'link.sock')]
  const passing = await startWith([page, links], directory)
  t.after(() => endBelow(passing.pid))
  await eventually('the sockets are open', () => existsSync(links))
  assert.match(String((await askPage(page, '/')).value), /<!doctype html>/i)
  const { value } = await askPage(links, '/link', { method: 'POST' })
  const session = await sessionOf(page, (value as { token: string }).token)
  const { status } = await askPage(page, '/v1/status', { headers: { authorization: `Bearer ${session}` } })
  assert.equal(status, 502, 'there is no daemon')
  assert.equal(passing.output(), '', 'the journal has no link in it')
  endBelow(passing.pid)
  assert.equal((await passing.ended).code, 0)
})

test('a socket that others reach is refused, whoever has opened it', async t => {
  const directory = inDirectory(t)
  const passing = await startWith(['0'], directory)
  assert.equal((await passing.ended).code, 64)
  assert.match(passing.output(), /^flypaperd: the page is served on the loopback alone, not at 0\.0\.0\.0\n/)
})

test('sockets are ours where systemd says so, and those of another process are not', () => {
  const fdsOf = (env: NodeJS.Dict<string>) => passedSockets(env, 7, () => undefined).map(({ fd }) => fd)
  assert.deepEqual(fdsOf({ LISTEN_PID: '7', LISTEN_FDS: '2' }), [3, 4])
  for (const env of [{}, { LISTEN_FDS: '2' }, { LISTEN_PID: '8', LISTEN_FDS: '2' }, { LISTEN_PID: '7' }])
    assert.deepEqual(fdsOf(env), [])
  assert.deepEqual(fdsOf({ LISTEN_PID: '7', LISTEN_FDS: 'x' }), [])
})
