/** Files that the settings name hang: they lie on a file system whose program does not answer, so that whoever looks at them waits. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockoutsOf } from '../support/daemon.ts'
import { deadFiles } from '../support/dead-files.ts'
import { eventually } from '../support/eventually.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const GATE = '192.0.2.1'
const [SPARED, LATER, FIRST, SECOND, THIRD] = [1, 2, 3, 4, 5].map(host => `198.51.100.${host}`) as [
  string,
  string,
  string,
  string,
  string,
]
const ADDRESS = '@flypaperd-test-hanging-files'
/** Prints each datagram as one line. */
const SUPERVISOR = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { print join(' ', split /\\n/, $datagram), "\\n" }
`

async function site(world: World) {
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  await serve(gate, 'tcp:22')
  await gate.sysctl('net/ipv4/tcp_synack_retries', 0) // what the control has asked is not answered once more
  const supervisor = await gate.start(['perl', '-e', SUPERVISOR])
  await supervisor.says(/^listening$/)
  return {
    gate,
    supervisor,
    env: { NOTIFY_SOCKET: ADDRESS, WATCHDOG_USEC: '1000000' },
    /** What came back to this source from these ports of the gate. */
    async answersTo(source: string, ...ports: number[]) {
      const burst = ports.map(tcp => ({ source, destination: GATE, tcp }))
      return (await send(scanner, { bursts: [burst] })).answers.map(({ kind }) => kind)
    },
  }
}

let looks = 0
/** Makes the daemon look at its machine, now: another address is there. */
async function look(gate: Host): Promise<void> {
  await gate.must(['ip', 'address', 'add', `192.0.2.${100 + ++looks}/32`, 'dev', 'lo'])
}

test('while a list hangs all goes on with what it said: scanners stick, the watchdog hears of us, a reload is refused; then it is read again', async () => {
  await using world = await makeWorld()
  const { gate, supervisor, env, answersTo } = await site(world)
  await using files = await deadFiles()
  await files.write(SPARED)
  const toml = `never_files = ["${files.file}"]`
  using flypaperd = install(gate, toml, { by: files.by, env })
  const daemon = await flypaperd.start()
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'], 'the control: the list counts')
  assert.deepEqual(await answersTo(FIRST, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 1), [FIRST])

  await files.hang()
  await look(gate)
  await daemon.says(
    /<3>the files of never_files hang since \S+: what they said before stays in force\. .*list\.txt/,
  )
  for (let signs = 0; signs < 10; signs++) await supervisor.says(/^WATCHDOG=1/)
  await look(gate)
  assert.deepEqual(await answersTo(SECOND, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 2), [FIRST, SECOND])
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'])
  assert.match(await flypaperd.must('status'), /never_files: they do not answer since \S+Z: what they said/)
  const socket = join(flypaperd.directory, 'metrics.sock')
  const metrics = await gate.must(['curl', '-s', '--unix-socket', socket, 'http://localhost/metrics'])
  assert.match(metrics, /^flypaperd_never_files_hanging 1$/m)

  const began = Date.now()
  const refused = await flypaperd.run('reload')
  assert.equal(refused.code, 69)
  assert.match(refused.stderr, /the settings cannot be read: \S+list\.txt does not answer/)
  assert.ok(Date.now() - began < 25_000)
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'])
  flypaperd.settings('')
  await flypaperd.must('reload')
  assert.deepEqual(await answersTo(LATER, 22), ['syn-ack'], 'the control: nobody sticks yet')
  assert.doesNotMatch(await flypaperd.must('status'), /never_files/)
  flypaperd.settings(toml)
  await files.goOn()
  await flypaperd.must('reload')

  await files.hang()
  await look(gate)
  await eventually('hangs again', async () => /never_files: they/.test(await flypaperd.must('status')))
  await files.write(`${SPARED} ${LATER}`)
  await files.goOn()
  await daemon.says(/never_files were read again: 2 prefixes/)
  await daemon.says(/<4>the files of never_files answer again/)
  assert.deepEqual(await answersTo(LATER, 81, 22), ['rst', 'syn-ack'])
  assert.deepEqual(await answersTo(THIRD, 81, 22), [])
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('no daemon begins without a list that hangs: it says so, and the one that runs goes on; that one ends at once when told', async () => {
  await using world = await makeWorld()
  const { gate, env, answersTo } = await site(world)
  await using files = await deadFiles()
  await files.write(SPARED)
  using flypaperd = install(gate, `never_files = ["${files.file}"]`, { by: files.by, env })
  const daemon = await flypaperd.start()
  await files.hang()
  await look(gate)
  await daemon.says(/<3>the files of never_files hang/)
  const restart = await flypaperd.run('restart')
  assert.equal(restart.code, 69)
  assert.match(restart.stderr, /the settings cannot be read: \S+list\.txt does not answer\n.* stays so/)
  assert.deepEqual(await answersTo(FIRST, 81, 22), [])
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'])

  const began = Date.now()
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
  assert.ok(Date.now() - began < 8000, 'it waits for no thread that hangs')
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /hook input/)
  assert.equal((await flypaperd.run('start')).code, 69)
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /hook input/)
  await files.goOn()
  await sleep(100)
  await flypaperd.start()
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'])
  await flypaperd.must('stop')
})
