/** What the running daemon tells whoever NOTIFY_SOCKET names, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { makeWorld } from '../support/world.ts'

/** An abstract name belongs to a network namespace: listener and daemon are in the same one. */
const ADDRESS = '@flypaperd-test-supervisor'
/** Prints each datagram as one line. */
const LISTENER = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { print join(' ', split /\\n/, $datagram), "\\n" }
`

test('READY when the trap is armed, signs of life, RELOADING and READY again, STOPPING', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const listener = await gate.start(['perl', '-e', LISTENER])
  await listener.says(/^listening$/)
  process.env.NOTIFY_SOCKET = ADDRESS
  process.env.WATCHDOG_USEC = '400000'
  t.after(() => {
    delete process.env.NOTIFY_SOCKET
    delete process.env.WATCHDOG_USEC
  })
  using flypaperd = install(gate)
  const daemon = await flypaperd.launch('start')
  await listener.says(/^READY=1 STATUS=armed, 0 flies$/)
  assert.match(await gate.must(['nft', 'list', 'ruleset']), /flypaper_early/)
  await listener.says(/^WATCHDOG=1 STATUS=armed, 0 flies$/)

  await flypaperd.must('reload')
  await listener.says(/^RELOADING=1 MONOTONIC_USEC=\d+$/)
  await listener.says(/^READY=1 STATUS=armed, 0 flies$/)
  await listener.says(/^WATCHDOG=1/)
  await flypaperd.must('stop')
  await listener.says(/^STOPPING=1$/)
  await daemon.ended
})

test('a daemon that cannot arm is never READY', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const listener = await gate.start(['perl', '-e', LISTENER])
  await listener.says(/^listening$/)
  process.env.NOTIFY_SOCKET = ADDRESS
  t.after(() => void delete process.env.NOTIFY_SOCKET)
  using flypaperd = install(gate, '[chains]\ninput = ["missing"]')
  const daemon = await flypaperd.launch('start')
  assert.equal((await daemon.ended).code, 78)
  assert.equal(listener.output(), 'listening\n')
})
