/** `metrics --textfile` and `status --brief`: how it stands with the trap, where no scraper is. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install } from '../support/daemon.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'
import { makeWorld } from '../support/world.ts'

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'

/** The exit status, and what stands in the file. */
async function written(flypaperd: Installation, file: string): Promise<readonly [number, string]> {
  const { code, stdout, stderr } = await flypaperd.run('metrics', '--textfile', file)
  assert.deepEqual([stdout, stderr], ['', ''])
  return [code, readFileSync(file, 'utf8')]
}

test('the state of the trap, with a daemon and without: armed, paused, a dry run', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate)
  const file = join(flypaperd.directory, 'flypaperd.prom')
  const brief = async () => {
    const { code, stdout } = await flypaperd.run('status', '--brief')
    return [code, stdout] as const
  }
  const [code, text] = await written(flypaperd, file)
  assert.equal(code, 3)
  assert.match(
    text,
    /^flypaperd_up 0$[\s\S]*^flypaperd_armed 0$[\s\S]*^flypaperd_status_ok\{line="process"\} 0$/m,
  )
  assert.match((await brief())[1], /^MISSING: .*integration into input.*; process/)

  let daemon = await flypaperd.start()
  const [upCode, up] = await written(flypaperd, file)
  assert.equal(upCode, 0)
  for (const line of ['up 1', 'armed 1', 'paused 0', 'trial 0', 'dry_run 0', 'history_hanging 0'])
    assert.match(up, new RegExp(`^flypaperd_${line}$`, 'm'))
  assert.equal(up.match(/^flypaperd_armed /gm)?.length, 1)
  assert.equal(statSync(file).mode & 0o777, 0o644)
  assert.deepEqual(await brief(), [0, 'OK: 0 flies\n'])

  await flypaperd.must('pause', '1m')
  assert.deepEqual(await brief(), [0, 'OK: 0 flies, paused\n'])
  await sleep(1100) // The counters of a second ago are told again.
  assert.match((await written(flypaperd, file))[1], /^flypaperd_paused 1$/m)
  await flypaperd.must('pause', '0')

  // A daemon that was killed leaves the trap armed.
  await daemon.stop('SIGKILL')
  const [left, alone] = await written(flypaperd, file)
  assert.equal(left, 3)
  assert.match(alone, /^flypaperd_up 0$[\s\S]*^flypaperd_armed 1$/m)
  daemon = await flypaperd.start()
  await flypaperd.must('stop')
  await daemon.ended

  daemon = await flypaperd.start('start', '--dry-run')
  assert.match((await written(flypaperd, file))[1], /^flypaperd_dry_run 1$/m)
  assert.deepEqual(await brief(), [0, 'OK: 0 flies, dry run\n'])
  const { code: usage, stderr } = await flypaperd.run(
    'metrics',
    '--textfile',
    join(flypaperd.directory, 'x.txt'),
  )
  assert.deepEqual([usage, /ends in \.prom/.test(stderr)], [64, true])
})

test('whoever has no rights writes that nobody answers, and no more', { skip }, async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, '', {
    by: ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--'],
  })
  chmodSync(flypaperd.directory, 0o755)
  const folder = join(flypaperd.directory, 'his')
  mkdirSync(folder)
  chownSync(folder, NOBODY, NOBODY)
  const [code, text] = await written(flypaperd, join(folder, 'flypaperd.prom'))
  assert.equal(code, 3)
  assert.match(text, /^flypaperd_up 0$/m)
  assert.doesNotMatch(text, /armed|status_ok/)
  const { code: refused } = await flypaperd.run('metrics', '--textfile', join(flypaperd.directory, 'a.prom'))
  assert.equal(refused, 77)
})
