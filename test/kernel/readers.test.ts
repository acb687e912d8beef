/** What an ordinary local user can do to the daemon by way of its metrics socket: nothing that stops the trap. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { connectionsMade, harass, type Manner } from '../support/readers.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const CONNECTIONS = 64
/** An abstract name belongs to a network namespace: listener and daemon are in the same one. */
const ADDRESS = '@flypaperd-test-readers'
/** Prints a line for each sign of life. */
const LISTENER = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { print "sign\\n" if $datagram =~ /WATCHDOG=1/ }
`
/** Memory that all readers together may cost, generously: most of it is garbage that V8 lets lie. */
const MEMORY_MAX = 150e6

const signs = (listener: Running) => listener.output().split('\nsign').length - 1

function resident(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

/** Standard output of curl: the counters, or nothing. */
async function counters(gate: Host, path: string): Promise<string> {
  const { stdout } = await gate.run([
    'curl',
    '-s',
    '-m',
    '5',
    '--unix-socket',
    path,
    'http://localhost/metrics',
  ])
  return stdout
}

async function isNobodyThere(host: Host): Promise<boolean> {
  const { code } = await host.run(['setpriv', '--reuid=65534', '--clear-groups', 'true'])
  return code !== 0
}

const MANNERS: readonly Manner[] = ['pipeline', 'deaf', 'idle', 'drip', 'storm']

test('64 connections of user nobody, whatever they do: offenders stick, signs of life go on, the counters are told', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  if (await isNobodyThere(gate))
    return t.skip('outside CI: a user namespace of an ordinary user has no other user in it')
  const listener = await gate.start(['perl', '-e', LISTENER])
  await listener.says(/^listening$/)
  // The options of Node that the unit gives: by itself V8 lets twice as much garbage lie.
  const env = { NOTIFY_SOCKET: ADDRESS, WATCHDOG_USEC: '400000', NODE_OPTIONS: '--max-semi-space-size=1' }
  using flypaperd = install(gate, '', { env })
  chmodSync(flypaperd.directory, 0o755)
  const daemon = await flypaperd.start()
  const socket = join(flypaperd.directory, 'metrics.sock')
  const { pid } = JSON.parse(await flypaperd.must('status', '--json')).daemon as { pid: number }
  const offend = (source: string) =>
    send(scanner, { bursts: [[{ source, destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  const isStuck = (source: string) => lockouts(daemon).includes(source)

  await offend('198.51.100.1')
  await eventually('the control: without readers an offender sticks', () => isStuck('198.51.100.1'))
  assert.match(await counters(gate, socket), /^flypaperd_flies\{family="ipv4"\} 1$/m)
  const before = resident(pid)

  for (const [i, manner] of MANNERS.entries()) {
    await t.test(manner, async t => {
      const readers = await harass(gate, socket, manner, CONNECTIONS)
      t.after(() => readers.stop('SIGKILL'))
      await eventually('the readers are connected', () => connectionsMade(readers) >= CONNECTIONS)
      const source = `198.51.100.${i + 2}`
      const seen = signs(listener)
      await offend(source)
      await eventually('an offender sticks meanwhile', () => isStuck(source))
      await eventually('signs of life go on meanwhile', () => signs(listener) > seen + 2)
      await eventually('somebody else is told the counters meanwhile', async () =>
        /^flypaperd_flies/m.test(await counters(gate, socket)),
      )
      const more = resident(pid) - before
      t.diagnostic(`${manner}: ${connectionsMade(readers)} connections, ${(more / 1e6).toFixed(1)} MB more`)
      assert.ok(more < MEMORY_MAX, `${more} bytes more`)
      await flypaperd.must('status')
    })
  }
  const flies = 1 + MANNERS.length
  const all = new RegExp(`^flypaperd_flies\\{family="ipv4"\\} ${flies}$`, 'm')
  // The text may be a second old.
  await eventually('afterwards the counters tell all flies', async () =>
    all.test(await counters(gate, socket)),
  )
})
