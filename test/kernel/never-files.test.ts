/** never_files: a hundred thousand prefixes, and each of them is spared; who is beside them is not. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../../bench/support/usage.ts'
import { type Installation, install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { manyPrefixes, replace } from '../support/never-list.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Within the lists, and right beside them. */
const EDGE = ['198.18.7.1', '2001:db8:2:7::7']
const STRANGERS = ['198.18.8.1', '2001:db8:2:8::7']
const LIST = ['198.18.7.0/24', '2001:db8:2:7::/64']

async function gateWith(files: Readonly<Record<string, readonly string[]>>) {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, 'tcp:22')
  const flypaperd = install(gate)
  const folder = join(flypaperd.directory, 'never.d')
  mkdirSync(folder)
  for (const [name, lines] of Object.entries(files)) replace(join(folder, name), lines)
  flypaperd.settings(`never_files = ["${folder}/"]`)
  const dispose = async () => {
    flypaperd[Symbol.dispose]()
    await world[Symbol.asyncDispose]()
  }
  return { gate, scanner, flypaperd, folder, [Symbol.asyncDispose]: dispose }
}

/** Each tries one closed port. */
async function offend(scanner: Host, sources: readonly string[], port = 81): Promise<void> {
  const bursts = sources.map(source => [{ source, destination: gateOf(source), tcp: port }])
  await send(scanner, { bursts })
}

/** Whom the open port answers. */
async function answered(scanner: Host, sources: readonly string[]): Promise<string[]> {
  const bursts = sources.map(source => [{ source, destination: gateOf(source), tcp: 22 }])
  const { answers } = await send(scanner, { bursts })
  return sources.filter(source =>
    answers.some(({ kind, destination }) => kind === 'syn-ack' && destination === source),
  )
}

function gateOf(source: string): string {
  return source.includes(':') ? GATE6 : GATE
}

/** Makes the daemon look at its machine, now: another address is there. */
async function look(gate: Host, n: number): Promise<void> {
  await gate.must(['ip', 'address', 'add', `192.0.2.${100 + n}/32`, 'dev', 'lo'])
}

test('100,000 prefixes: armed within seconds, those within are never held, those beside are; a restart and a reload leave no gap', async t => {
  const many = manyPrefixes(100_000)
  await using it = await gateWith({ 'cdn.txt': [...many.slice(0, 50_000), ...LIST, ...many.slice(50_000)] })
  const { gate, scanner, flypaperd } = it
  let daemon = await flypaperd.start()
  const used = cpuSeconds(daemon.pid)
  t.diagnostic(`armed after ${used.toFixed(1)} s of processor time, with the reading of the program's source`)
  assert.ok(used < 6, `${used} s`)
  await offend(scanner, [...EDGE, ...STRANGERS])
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), [...STRANGERS].sort().map(flyOf))
  assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), EDGE)

  await flypaperd.must('reload')
  assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), EDGE)
  const before = daemon
  daemon = await flypaperd.start('restart')
  await before.ended
  assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), EDGE)
  await offend(scanner, [...EDGE, '198.18.8.2', '2001:db8:2:9::7'])
  await lockoutsOf(daemon, 2)
  assert.deepEqual(lockouts(daemon).sort(), ['198.18.8.2', '2001:db8:2:9::/64'])
  assert.deepEqual(await answered(scanner, EDGE), EDGE)

  await gate.must(['nft', 'flush', 'ruleset'])
  await daemon.says(/trap armed again|armed again/)
  await offend(scanner, [...EDGE, '198.18.8.3'])
  await daemon.says(/lockout 198\.18\.8\.3,/)
  assert.deepEqual(await answered(scanner, [...EDGE, '198.18.8.3']), EDGE)
})

function flyOf(source: string): string {
  return source.includes(':') ? '2001:db8:2:8::/64' : source
}

test('a file that changes is taken within a look, also what it spares no more; a broken one, and one that is gone, leave all as it was', async () => {
  await using it = await gateWith({ 'cdn.txt': ['192.88.99.0/24'] })
  const { gate, scanner, flypaperd, folder } = it
  const daemon = await flypaperd.start()
  const file = join(folder, 'cdn.txt')
  await offend(scanner, EDGE)
  assert.equal((await lockoutsOf(daemon, 2)).length, 2, 'nothing spares them yet')
  assert.deepEqual(await answered(scanner, EDGE), [])

  replace(file, ['# of a CDN', ...LIST, ''])
  await sleep(1100)
  await look(gate, 1)
  await daemon.says(/never_files were read again: 2 prefixes/)
  await eventuallyAnswered(scanner, EDGE)
  await offend(scanner, [...EDGE, ...STRANGERS], 82)
  await lockoutsOf(daemon, 4)
  assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), EDGE, 'and nobody else')
  assert.match(await flypaperd.must('why', EDGE[0]!), /on the never-list \(198\.18\.7\.0\/24 of .*cdn\.txt\)/)
  const refused = await flypaperd.run('lock', EDGE[1]!)
  assert.match(refused.stdout, /meets the never-list/)

  replace(file, [...LIST, 'not.a.prefix'])
  await sleep(1100)
  await look(gate, 2)
  await daemon.says(/cdn\.txt:3:1: "not\.a\.prefix" is a name/)
  await look(gate, 3)
  rmSync(file)
  writeFileSync(join(folder, 'other.txt'), 'garbage\n')
  await sleep(1100)
  await look(gate, 4)
  await daemon.says(/other\.txt:1:1: "garbage"/)
  assert.equal(daemon.output().match(/not\.a\.prefix" is a name/g)?.length, 1, 'said once')
  await offend(scanner, EDGE, 83)
  assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), EDGE)

  rmSync(join(folder, 'other.txt'))
  replace(file, ['198.18.7.128/25'])
  await sleep(1100)
  await look(gate, 5)
  await daemon.says(/never_files were read again: 1 prefixes/)
  await offend(scanner, ['198.18.7.1', '198.18.7.129', '2001:db8:2:7::7'], 84)
  await lockoutsOf(daemon, 6)
  assert.deepEqual(await answered(scanner, ['198.18.7.1', '198.18.7.129', '2001:db8:2:7::7']), [
    '198.18.7.129',
  ])
})

async function eventuallyAnswered(scanner: Host, sources: readonly string[]): Promise<void> {
  for (let attempts = 0; attempts < 50; attempts++) {
    if ((await answered(scanner, sources)).length === sources.length) return
    await sleep(100)
  }
  assert.fail(`${sources} are not answered`)
}

test('whoever writes the file spares whom it names, and can neither spare everybody nor free a fly that it does not name', async () => {
  await using it = await gateWith({ 'cdn.txt': ['192.88.99.0/24'] })
  const { gate, scanner, flypaperd, folder } = it
  const daemon = await flypaperd.start()
  await offend(scanner, [...EDGE, ...STRANGERS])
  await lockoutsOf(daemon, 4)
  for (const [n, everybody] of [
    ['0.0.0.0/0', '::/0'],
    ['0.0.0.0/1', '128.0.0.0/1'],
    ['2000::/3'],
  ].entries()) {
    replace(join(folder, 'cdn.txt'), [...LIST, ...everybody])
    await sleep(1100)
    await look(gate, n)
    await daemon.says(new RegExp(`"${everybody[0]}" is wider than`))
    assert.deepEqual(await answered(scanner, [...EDGE, ...STRANGERS]), [])
  }
  await refusesToStart(flypaperd)
  replace(join(folder, 'cdn.txt'), LIST)
  await sleep(1100)
  await look(gate, 9)
  await daemon.says(/read again/)
  await eventuallyAnswered(scanner, EDGE)
  assert.deepEqual(await answered(scanner, STRANGERS), [])
})

/** Nor does a daemon begin without a list that it was told of: whom it names would stick. */
async function refusesToStart(flypaperd: Installation): Promise<void> {
  for (const [verb, status] of [
    ['check', 78],
    ['restart', 78],
    ['reload', 69],
  ] as const) {
    const { code, stdout, stderr } = await flypaperd.run(verb)
    assert.equal(code, status, `${verb}: ${stdout}${stderr}`)
    assert.match(stderr, /cdn\.txt:3:1: .* is wider than \/16/)
  }
}
