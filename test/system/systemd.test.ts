/** What systemd hears: the real datagrams, at sockets of our own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSupervisor } from '../../src/system/systemd.ts'
import { start } from '../support/process.ts'

const CHILD = join(import.meta.dirname, 'systemd-child.ts')
const { pid } = process

/** The datagrams that came at the address, which is bound by a program of another language. */
function heardAt(address: string): string[] {
  const { stdout, stderr, status } = spawnSync('perl', ['-e', LISTENER, address, process.execPath, CHILD], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stdout.split('\0').slice(0, -1)
}

/** Binds, runs the child with that address, and prints what has come, each datagram ended by a zero byte. */
const LISTENER = `
use strict; use Socket;
my ($address, @child) = @ARGV;
my $path = $address =~ s/^@/\\0/r;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, $path)) or die $!;
$ENV{NOTIFY_SOCKET} = $address;
system(@child) == 0 or die "child: $?";
my $datagram;
while (defined recv($socket, $datagram, 4096, 0x40)) { print $datagram, "\\0" }
unlink $path;
`

for (const [kind, address] of [
  ['a path', `/tmp/flypaperd-test-notify-${pid}`],
  ['an abstract name', `@flypaperd-test-notify-${pid}`],
] as const) {
  test(`each event is one datagram, at ${kind}`, () => {
    const [ready, alive, reloading, stopping, ...more] = heardAt(address)
    assert.deepEqual(
      [ready, alive, stopping, more],
      ['READY=1\nSTATUS=armed, 0 flies\n', 'WATCHDOG=1\nSTATUS=armed, 1 fly\n', 'STOPPING=1\n', []],
    )
    assert.match(reloading!, /^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\n$/)
  })
}

/** Binds, and reads once it is told to; prints each datagram as one line. */
const LATE = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, "\\0$ARGV[0]")) or die $!;
print "bound\\n";
<STDIN>;
while (defined recv($socket, my $datagram, 4096, 0)) { print join(' ', split /\\n/, $datagram), "\\n" }
`

test('a systemd that does not read is not waited for, and hears READY with the next sign of life', async () => {
  const name = `flypaperd-test-late-${pid}`
  const late = await start(['perl', '-e', LATE, name])
  await late.says(/^bound$/)
  const supervisor = openSupervisor({ NOTIFY_SOCKET: `@${name}` }, pid)
  for (let n = 0; n < 2000; n++) supervisor.alive('no room')
  supervisor.ready('armed')
  late.write('read\n')
  await late.says(/^WATCHDOG=1 STATUS=no room$/)
  await sleep(500)
  supervisor.alive('well')
  await late.says(/^READY=1 WATCHDOG=1 STATUS=well$/)
  supervisor.alive('better')
  await late.says(/^WATCHDOG=1 STATUS=better$/)
  assert.doesNotMatch(late.output(), /STATUS=armed/, 'the control: it was lost')
  await late.stop('SIGKILL')
})

test('nobody listens, or nobody was named: nothing happens', () => {
  for (const NOTIFY_SOCKET of [undefined, '', '/nonexistent/socket', 'vsock:2:1', `/${'x'.repeat(200)}`]) {
    const supervisor = openSupervisor({ NOTIFY_SOCKET }, pid)
    supervisor.ready('')
    supervisor.stopping()
  }
})

test('signs of life come twice in the time that the watchdog waits, if it waits for us', () => {
  const interval = (env: Record<string, string>) =>
    openSupervisor({ NOTIFY_SOCKET: '/run/systemd/notify', ...env }, pid).interval
  assert.equal(interval({ WATCHDOG_USEC: '4000000' }), 2000)
  assert.equal(interval({ WATCHDOG_USEC: '4000000', WATCHDOG_PID: String(pid) }), 2000)
  for (const env of [{}, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: '4000000', WATCHDOG_PID: '1' }])
    assert.equal(interval(env), 15_000)
  assert.equal(openSupervisor({ WATCHDOG_USEC: '4000000' }, pid).interval, undefined, 'nobody listens')
})
