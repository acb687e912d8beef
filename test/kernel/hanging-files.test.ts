/** Files that the settings name hang: they lie on a file system whose program does not answer, so that whoever looks at them waits. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockoutsOf } from '../support/daemon.ts'
import { deadFiles } from '../support/dead-files.ts'
import { eventually } from '../support/eventually.ts'
import { supervised } from '../support/supervised.ts'
import { type Host, makeWorld } from '../support/world.ts'

const [SPARED, LATER, FIRST, SECOND, THIRD] = [1, 2, 3, 4, 5].map(host => `198.51.100.${host}`) as [
  string,
  string,
  string,
  string,
  string,
]

let looks = 0
/** Makes the daemon look at its machine, now: another address is there. */
async function look(gate: Host): Promise<void> {
  await gate.must(['ip', 'address', 'add', `192.0.2.${100 + ++looks}/32`, 'dev', 'lo'])
}

test('while a list hangs all goes on with what it said: scanners stick, the watchdog hears of us, a reload is refused; then it is read again', async () => {
  await using world = await makeWorld()
  const { gate, supervisor, env, answersTo } = await supervised(world)
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
  const { gate, env, answersTo } = await supervised(world)
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

test('while resolv.conf hangs the name servers that are known stay near, and all goes on; a start waits a moment only; then it is read again', async () => {
  await using world = await makeWorld()
  const { gate, supervisor, env, answersTo } = await supervised(world)
  await using files = await deadFiles()
  await files.write(`nameserver\t${SPARED}`)
  await gate.must([...files.by, 'mount', '--bind', files.file, '/etc/resolv.conf'])
  using flypaperd = install(gate, '', { by: files.by, env })
  let daemon = await flypaperd.start()
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'], 'the control: it is read')
  assert.deepEqual(await answersTo(FIRST, 81, 22), [])

  await files.hang()
  await look(gate)
  await daemon.says(
    /<4>\/etc\/resolv\.conf does not answer: the name servers that it named before count as near until it does/,
  )
  for (let signs = 0; signs < 10; signs++) await supervisor.says(/^WATCHDOG=1/)
  await look(gate)
  await flypaperd.must('reload')
  assert.deepEqual(await answersTo(SECOND, 81, 22), [])
  assert.deepEqual(await lockoutsOf(daemon, 2), [FIRST, SECOND])
  assert.deepEqual(await answersTo(SPARED, 81, 22), ['rst', 'syn-ack'])
  assert.match(await flypaperd.must('status'), /resolv\.conf does not answer/)
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)

  daemon = await flypaperd.start()
  assert.match(
    daemon.output(),
    /resolv\.conf does not answer: its name servers are not known, and are judged as everybody is until it does/,
  )
  assert.deepEqual(await answersTo(THIRD, 81, 22), [])
  await files.write(`nameserver\t${LATER}`)
  await files.goOn()
  await eventually('the name server is near', async () => {
    await look(gate)
    const element = ['nft', 'get', 'element', 'inet', 'filter', 'flypaper_own', `{ ${LATER} }`]
    return (await gate.run(element)).code === 0
  })
  assert.deepEqual(await answersTo(LATER, 81, 22), ['rst', 'syn-ack'])
  assert.doesNotMatch(await flypaperd.must('status'), /resolv\.conf/)
  await flypaperd.must('stop')
  assert.equal((await daemon.ended).code, 0)
})
