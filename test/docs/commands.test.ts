/** The shell commands of the README do what they are there for, on the real program in namespaces. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { atFixedPlaces, type Installation, install } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const SCANNER = '192.0.2.66'
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm run demo': 'test/kernel/demo.test.ts runs it',
  'npm test': 'it is what runs this',
}
/** Those that stay in the foreground until Ctrl-C. */
const FOREGROUND = ['npm run -s flypaperd -- try 300', 'npm start']

const readme = readFileSync('README.md', 'utf8')
/** Without sudo: the tests are root already. */
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block]) => block!.trim().split('\n'))
  .map(line => line.replace(/^sudo /, ''))
const verbs = commands.filter(command => !(command in NOT_RUN) && !FOREGROUND.includes(command))

test('what is left out, and what runs in the foreground, is in the README', () => {
  for (const command of [...Object.keys(NOT_RUN), ...FOREGROUND])
    assert.ok(commands.includes(command), command)
  assert.ok(verbs.length >= 5)
})

for (const command of FOREGROUND) {
  test(`${command}: armed until Ctrl-C`, async () => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    using flypaperd = install(gate)
    const daemon = await gate.start(['setsid', ...shell(flypaperd, command)])
    await daemon.says(/^Starting portscan protection: flypaperd\.$/)
    assert.equal(await statusOnce(flypaperd, 0), 0, daemon.output())
    process.kill(-daemon.pid, 'SIGINT')
    await daemon.ended
    assert.equal(await statusOnce(flypaperd, 3), 3, daemon.output())
    assert.equal(await gate.must(['nft', 'list', 'ruleset']), '')
  })
}

test('the verbs: with a daemon, and one fly', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: [`${SCANNER}/24`] })
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await send(scanner, { bursts: [[{ source: SCANNER, destination: GATE, tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.66/)
  for (const command of verbs) await t.test(command, () => succeeds(gate, command, flypaperd))
  assert.equal(await flypaperd.must('list'), 'No flies.\n', 'the README frees it')
})

async function succeeds(gate: Host, command: string, flypaperd: Installation): Promise<void> {
  const { code, stdout, stderr } = await gate.run(shell(flypaperd, command))
  assert.equal(code, 0, stdout + stderr)
  assert.notEqual(stdout, '')
}

/** The exit status of `status` once it is this one, or else after 10 s what it is. */
async function statusOnce(flypaperd: Installation, wanted: number): Promise<number> {
  const deadline = Date.now() + 10_000 * PATIENCE
  for (;;) {
    const { code } = await flypaperd.run('status')
    if (code === wanted || Date.now() > deadline) return code
    await sleep(100)
  }
}

function shell({ directory }: Installation, command: string): string[] {
  return [...atFixedPlaces(directory), 'sh', '-c', command]
}
