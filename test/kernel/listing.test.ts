/**
 * A listing of the armed trap is loaded elsewhere: on a machine without these interfaces and without a daemon, once or twice, as text or
 * as JSON. It loads, whoever looks is told what it is, and `start` takes it over.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const ADMIN = `table inet filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 accept; }
}`
const MODES = {
  listening: 'closed = "listening"',
  unaccepted: 'closed = "unaccepted"',
  unmatched: 'closed = "unmatched"\n[chains]\ninput = ["input"]',
}
const FORMS = {
  text: [[], []],
  'without what changes': [['-s'], []],
  JSON: [['-j'], ['-j']],
} as const
const [FLY, FREED, HELD] = ['198.18.0.1', '198.18.0.2', '198.18.0.3'] as const

/** Our chains and sets, and what jumps to them. What an administrator’s file doubles of his own is his. */
async function rulesOf(host: Host): Promise<readonly string[]> {
  const listed = await host.must(['nft', '-s', '-t', 'list', 'table', 'inet', 'filter'])
  return (
    listed
      .replace(/^\tchain input \{[\s\S]*?^\t\}/m, chain => (chain.match(/jump flypaper.*/g) ?? []).join('\n'))
      .split('\n')
      .map(line => line.trim().replace(/\{ (\S+ \| )?(ack|rst|fin|syn).*?\}/g, '{ flags }'))
      // What nft lists as JSON has no comments of chains and sets.
      .filter(line => line !== '' && !line.startsWith('comment '))
      .sort()
  )
}

async function answersTo(scanner: Host, source: string, tcp = 22): Promise<number> {
  return (await send(scanner, { bursts: [[{ source, destination: GATE, tcp }]], wait: 100 })).answers.length
}

for (const [mode, toml] of Object.entries(MODES)) {
  test(`${mode}: a listing loads on a machine without these interfaces, and start takes it over`, async () => {
    await using world = await makeWorld()
    const [gate, scanner, other, caller] = [
      await world.host('gate'),
      await world.host('scanner'),
      await world.host('other'),
      await world.host('caller'),
    ]
    await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
    await gate.route('default', '192.0.2.9')
    await world.link(other, caller, { a: [`${GATE}/24`], b: ['192.0.2.8/24'] })
    await other.route('default', '192.0.2.8')
    for (const host of [gate, other]) await serve(host, 'tcp:22')
    await gate.nft(ADMIN)
    using flypaperd = install(gate, `capture = "log"\nnever = ["203.0.113.0/24"]\n${toml}`)
    using elsewhere = install(other, `capture = "log"\nnever = ["203.0.113.0/24"]\n${toml}`)
    const daemon = await flypaperd.start()
    for (const source of [FLY, FREED]) await answersTo(scanner, source, 81)
    await lockoutsOf(daemon, 2)
    await flypaperd.must('lock', '198.51.100.0/25')
    const armed = await rulesOf(gate)
    if (mode === 'unaccepted')
      assert.match(
        await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_outside']),
        /"to-scanner"/,
      )

    for (const [form, [list, load]] of Object.entries(FORMS)) {
      const file = join(flypaperd.directory, `listing-${mode}`)
      writeFileSync(file, await gate.must(['nft', ...list, 'list', 'ruleset']))
      await other.must(['nft', 'flush', 'ruleset'])
      await other.must(['nft', ...load, '-f', file])
      if (form !== 'JSON') await other.must(['nft', '-f', file])
      const { code, stdout } = await elsewhere.run('status')
      assert.equal(code, 3)
      assert.match(
        stdout,
        /process: +Missing \(the trap is in the kernel, .* Mend it by: flypaperd start\./,
        form,
      )
      const doctor = await elsewhere.run('doctor')
      assert.equal(doctor.code, 1)
      assert.match(doctor.stdout.replace(/\s+/g, ' '), /no daemon listens to it/, form)
      assert.equal(
        await answersTo(caller, FLY),
        0,
        'the kernel alone: a fly is one, as long as the listing says',
      )

      const over = await elsewhere.start()
      assert.deepEqual(await rulesOf(other), armed, form)
      assert.equal((await elsewhere.run('status')).code, 0)
      const net = await other.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_nets'])
      assert.doesNotMatch(net, /elements/, 'a prefix that nobody here has locked out')
      await answersTo(caller, HELD, 81)
      assert.deepEqual(await lockoutsOf(over, 1), [HELD], 'it judges')
      assert.equal(await answersTo(caller, HELD), 0)
      assert.equal(await answersTo(caller, '198.18.0.9'), 1, 'the control: a client is served')
      await over.stop()
      await elsewhere.must('flush')
    }
    await daemon.stop()
  })
}

test('who was freed since the listing was made is free again when the daemon has started, and stays so', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  using flypaperd = install(
    gate,
    'capture = "log"\nclosed = "listening"\nhold = "1s"\n[lockout]\nfirst = "1d"',
  )
  const first = await flypaperd.start()
  for (const source of [FLY, FREED]) await answersTo(scanner, source, 81)
  await lockoutsOf(first, 2)
  // Whoever is held in a listing is so for some seconds.
  const isHeld = async () =>
    (await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold'])).includes('expires')
  for (let tries = 0; tries < 100 && (await isHeld()); tries++) await sleep(100)
  const listing = await gate.must(['nft', 'list', 'ruleset'])
  assert.match(
    listing,
    /198\.18\.0\.2 counter [^,]*timeout 1d/,
    'for longer than the state file would lock out anybody',
  )
  await flypaperd.must('free', FREED)
  process.kill(JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.pid)
  await first.ended

  await gate.nft(`flush ruleset\n${listing}`)
  assert.equal(await answersTo(scanner, FREED), 0, 'the control: without a daemon the listing counts')
  const second = await flypaperd.start()
  await second.says(/1 flies in the kernel were not as they should be, and are set right/)
  assert.equal(await answersTo(scanner, FREED), 1)
  assert.equal(await answersTo(scanner, FLY), 0)
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(
    flies.map(({ source }) => source),
    [FLY],
  )

  // Loaded once more, while the daemon runs.
  await gate.nft(`flush ruleset\n${listing}`)
  await second.says(/has removed a part of the trap: armed again with 1 fly/)
  await second.says(/1 flies in the kernel were not as they should be, and are set right/)
  assert.equal(await answersTo(scanner, FREED), 1)
  assert.equal(await answersTo(scanner, FLY), 0)
  assert.doesNotMatch(second.output(), /by hand/)
  await second.stop()
})

test('doctor finds the file that the trap was listed into, and none that was generated for it', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, 'capture = "log"\nclosed = "listening"')
  const generated = await flypaperd.must('generate')
  const boot = await flypaperd.must('generate', '--boot')
  await gate.nft(generated)
  const listed = await gate.must(['nft', 'list', 'ruleset'])
  const json = await gate.must(['nft', '-j', 'list', 'ruleset'])
  for (const [text, isFound] of [
    [listed, true],
    [json, true],
    [generated, false],
    [boot, false],
    ['table inet filter {\n\tchain flypaper_input { }\n}\n', false],
  ] as const) {
    using other = install(gate, 'capture = "log"', { files: { '/etc/nftables.conf': text } })
    const { stdout } = await other.run('doctor')
    assert.equal(
      /\/etc\/nftables\.conf holds the trap itself/.test(stdout.replace(/\s+/g, ' ')),
      isFound,
      text.slice(0, 80),
    )
  }
})
