/** Below another service: its directories are not ours, and its notification socket hears nothing. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempDisposableSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { atFixedPlaces } from '../support/daemon.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { makeWorld } from '../support/world.ts'

const MAIN = [process.execPath, FLYPAPERD]
/** An abstract name belongs to a network namespace. */
const ADDRESS = '@flypaperd-test-places'
const LISTENER = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { print join(' ', split /\\n/, $datagram), "\\n" }
`
/** As systemd starts a service of its own: the number of the process is that of the program. */
const AS_SERVICE = ['sh', '-c', 'SYSTEMD_EXEC_PID=$$ exec "$@"', 'sh']

async function house() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const fixed = mkdtempDisposableSync(join(tmpdir(), 'flypaperd-test-'))
  const foreign = mkdtempDisposableSync(join(tmpdir(), 'flypaperd-test-'))
  const listener = await gate.start(['perl', '-e', LISTENER])
  await listener.says(/^listening$/)
  /** What a service of its own leaves to whatever it starts. */
  const env = {
    STATE_DIRECTORY: foreign.path,
    RUNTIME_DIRECTORY: foreign.path,
    CONFIGURATION_DIRECTORY: foreign.path,
    NOTIFY_SOCKET: ADDRESS,
    WATCHDOG_USEC: '400000',
    SYSTEMD_EXEC_PID: '1',
    INVOCATION_ID: 'f'.repeat(32),
    LISTEN_FDS: '1',
    LISTEN_PID: '1',
  }
  const at = (...args: string[]) => [...atFixedPlaces(fixed.path), ...MAIN, ...args]
  return {
    gate,
    listener,
    env,
    at,
    fixed: fixed.path,
    foreign: foreign.path,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      fixed.remove()
      foreign.remove()
    },
  }
}

test('below another service, every verb finds the daemon and its history where they are', async () => {
  await using it = await house()
  const { gate, env, at } = it
  const daemon = await gate.start(at('start'))
  await daemon.says(/trap armed/)
  await gate.must(at('lock', '203.0.113.7'))
  assert.equal((await gate.run(at('status'), { env })).code, 0)
  for (const verb of [
    ['list'],
    ['why', '203.0.113.7'],
    ['report'],
    ['export'],
    ['status'],
    ['free', '203.0.113.7'],
  ]) {
    const outside = await gate.run(at(...verb))
    if (verb[0] === 'free') await gate.must(at('lock', '203.0.113.7'))
    const inside = await gate.run(at(...verb), { env })
    assert.deepEqual([inside.code, inside.stderr], [outside.code, outside.stderr], verb[0])
    const timeless = (text: string) => text.replace(/\d+s\b|\d\d:\d\d:\d\d/g, '')
    assert.equal(timeless(inside.stdout), timeless(outside.stdout), verb[0])
  }
  await gate.must(at('stop'), { env })
  assert.equal((await daemon.ended).code, 0)
  assert.deepEqual(readdirSync(it.foreign), [])
})

test('a daemon that another service starts: in the fixed places, and not a word to that service', async () => {
  await using it = await house()
  const { gate, env, at, listener } = it
  const daemon = await gate.start(at('start'), { env })
  await daemon.says(/trap armed/)
  assert.equal((await gate.run(at('status'))).code, 0)
  await new Promise(resolve => setTimeout(resolve, 600)) // three signs of life would have come
  await gate.must(at('stop'))
  await daemon.ended
  assert.equal(listener.output(), 'listening\n')
  assert.deepEqual(readdirSync(it.foreign), [])

  // The control: the same variables, and the service is the daemon itself.
  const own = await gate.start([...AS_SERVICE, ...at('start')], { env })
  await listener.says(/^READY=1/)
  await listener.says(/^WATCHDOG=1/)
  assert.ok(existsSync(join(it.foreign, 'control.sock')))
  assert.ok(existsSync(join(it.foreign, 'history.db')))
  assert.equal((await gate.run(at('status'))).code, 3, 'where nobody has told, it is not')
  const named = ['--socket', join(it.foreign, 'control.sock')]
  await gate.must(at('lock', '203.0.113.8', ...named))
  assert.match(
    await gate.must(at('list', ...named)),
    /203\.0\.113\.8/,
    'its daemon tells where the history is',
  )
  await gate.must(at('stop', ...named))
  await own.ended
  const gone = await gate.run(at('list', ...named))
  assert.deepEqual([gone.code, gone.stdout], [3, ''])
  assert.match(gone.stderr, /^flypaperd: no flypaperd answers at .*control\.sock\n.*--state/)
  assert.match(await gate.must(at('list', ...named, '--state', it.foreign)), /203\.0\.113\.8/)
})
