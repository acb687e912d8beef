/** As a program uses it that knows nothing of flypaperd's state: fail2ban's actions, a role that lays drop-ins. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.18.0.1'

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await serve(gate, 'tcp:22')
  const answered = async (source: string, tcp = 22) => {
    const { answers } = await send(scanner, { bursts: [[{ source, destination: GATE, tcp }]], wait: 100 })
    return answers.some(({ kind }) => kind === 'syn-ack')
  }
  return { world, gate, answered }
}

test('lock and free, each said twice, with the daemon and without: 0, and nothing on standard error', async () => {
  const { world, gate, answered } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const twice = async (expected: readonly [string, string], ...args: string[]) => {
    for (const text of expected) {
      const { code, stdout, stderr } = await flypaperd.run(...args)
      assert.deepEqual([code, stdout, stderr], [0, text, ''], args.join(' '))
    }
  }
  const until = async () => {
    const [fly] = JSON.parse(await flypaperd.must('list', FLY, '--json')) as { until: string }[]
    return fly?.until
  }

  assert.ok(await answered(FLY), 'the control')
  await twice(
    ['Nobody to free: 198.18.0.1 is no fly.\n', 'Nobody to free: 198.18.0.1 is no fly.\n'],
    'free',
    FLY,
  )
  const kept = `${FLY} is locked out already, for at least as long.\n`
  await twice([`Locked out ${FLY}.\n`, kept], 'lock', FLY, '--for', '600', '--because', 'fail2ban sshd')
  assert.equal(await answered(FLY), false)
  const end = await until()
  await twice([kept, kept], 'lock', FLY, '--for', '60')
  assert.equal(await until(), end, 'a nearer end changes nothing')
  await twice([`Locked out ${FLY}.\n`, kept], 'lock', FLY, '--for', '-1')
  assert.equal(await until(), 'forever')
  assert.match(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']), /198\.18\.0\.1[ ,\n]/)
  await twice([`Freed ${FLY}.\n`, `Nobody to free: ${FLY} is no fly.\n`], 'free', FLY)
  assert.ok(await answered(FLY))

  // Several, of whom some are no flies; and one who is locked out still.
  await flypaperd.must('lock', FLY, '198.18.7.0/24')
  const several = await flypaperd.run('free', '198.18.0.9', FLY, '2001:db8::9')
  assert.deepEqual([several.code, several.stdout, several.stderr], [0, `Freed ${FLY}.\n`, ''])
  const inside = await flypaperd.run('free', '198.18.7.7', '--json')
  assert.equal(inside.code, 1)
  assert.deepEqual(JSON.parse(inside.stdout), { flies: [], held: [], count: 0, around: ['198.18.7.0/24'] })
  assert.equal(await answered('198.18.7.7'), false, 'he is')
  await flypaperd.must('lock', FLY)
  const both = await flypaperd.run('free', FLY, '198.18.7.7')
  assert.deepEqual([both.code, both.stdout], [1, `Freed ${FLY}.\nBut 198.18.7.0/24 is locked out by hand.\n`])

  await flypaperd.must('lock', FLY)
  await daemon.stop('SIGUSR2')
  await twice([`Freed ${FLY}.\n`, `Nobody to free: ${FLY} is no fly.\n`], 'free', FLY)
  assert.equal((await flypaperd.run('free', '198.18.7.7')).code, 1, 'without a daemon, too')
  await twice(['Freed 1 fly.\n', 'Freed 0 flies.\n'], 'flush')
  assert.ok(await answered('198.18.7.7'))
  const stopping = 'Stopping portscan protection: flypaperd.\n'
  await twice([stopping, stopping], 'stop')
  assert.equal((await flypaperd.run('lock', FLY)).code, 3)
})

test('drop-ins: taken by start and by reload, which refuses them whole; status, check and doctor name them', async () => {
  const { world, gate, answered } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const file = join(flypaperd.directory, 'flypaperd.toml')
  const folder = join(flypaperd.directory, 'flypaperd.d')
  const dropIn = (name: string, text: string) => writeFileSync(join(folder, name), text)
  mkdirSync(folder)
  dropIn('10-office.toml', 'never = ["198.18.1.0/24"]\n')
  const daemon = await flypaperd.start()
  const offend = async (source: string) => {
    await answered(source, 81)
    return answered(source)
  }
  assert.ok(await offend('198.18.1.1'), 'spared by a drop-in')
  assert.equal(await offend('198.18.2.1'), false, 'the control')
  await daemon.says(/lockout 198\.18\.2\.1/)
  const settings = async () =>
    JSON.parse(await flypaperd.must('status', '--json')).daemon.settings as string[]
  assert.deepEqual(await settings(), [file, `${folder}/10-office.toml`])

  dropIn('20-home.toml', 'never = ["198.18.2.0/24"]\n')
  dropIn('30-forgotten.conf', 'never = ["198.18.3.0/24"]\n')
  await flypaperd.must('reload')
  await daemon.says(/30-forgotten\.conf is not read: its name does not end in \.toml/)
  assert.ok(await offend('198.18.2.1'), 'freed, and spared by another')
  assert.ok(await offend('198.18.1.2'), 'the first counts as before')
  const all = [file, `${folder}/10-office.toml`, `${folder}/20-home.toml`]
  assert.deepEqual(await settings(), all)
  assert.match(await flypaperd.must('status'), new RegExp(`^settings: ${all.join(', ')}$`, 'm'))
  assert.match(await flypaperd.must('check'), /^Note: .*30-forgotten\.conf is not read/m)
  assert.match((await flypaperd.run('doctor')).stdout, new RegExp(`Settings: ${all.join(', ')}\\.`))

  dropIn('40-broken.toml', 'never = ["198.18.4.0/24"]\nholt = "1s"\n')
  const refused = await flypaperd.run('reload')
  assert.equal(refused.code, 69)
  assert.match(refused.stderr, /40-broken\.toml:2:1: "holt" is not a setting/)
  assert.deepEqual(await settings(), all, 'those of before stay')
  assert.ok(await offend('198.18.2.2'))
  assert.equal(await offend('198.18.4.1'), false)
  const check = await flypaperd.run('check', '--json')
  assert.deepEqual([check.code, check.stderr], [78, ''])
  const [mistake] = JSON.parse(check.stdout).mistakes
  assert.deepEqual([mistake.file, mistake.line, mistake.setting], [`${folder}/40-broken.toml`, 2, 'holt'])

  rmSync(folder, { recursive: true })
  await flypaperd.must('reload')
  assert.deepEqual(await settings(), [file])
  assert.equal(await offend('198.18.1.3'), false, 'nobody is spared any more')
})
