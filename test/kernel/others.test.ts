/** What others do to the sets and to the ruleset while the daemon runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const ADMIN_RULES = `table inet filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 accept; }
}`

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner }
}

const fly = (n: number) => `198.18.${n >> 8}.${n & 255}`

async function offend(scanner: Host, ...sources: string[]) {
  const packets = sources.map(source => ({ source, destination: GATE, tcp: 81 }))
  await send(scanner, { bursts: [packets], gap: 50, wait: 0 })
}

/** What the open port answers to this source. */
async function answers(scanner: Host, source: string): Promise<number> {
  return (await send(scanner, { bursts: [[{ source, destination: GATE, tcp: 22 }]] })).answers.length
}

async function listed(flypaperd: Installation): Promise<string[]> {
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  return flies.map(({ source }) => source).sort()
}

test('an element that somebody deletes is freed, one that he adds is a fly by hand', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await offend(scanner, fly(1), fly(2), fly(3))
  assert.equal((await lockoutsOf(daemon, 3)).length, 3)

  await gate.nft(`delete element inet filter flypaper { ${fly(1)} }`)
  await daemon.says(/^<6>free 198\.18\.0\.1 \(by nft, pid \d+\)$/)
  assert.equal(await answers(scanner, fly(1)), 1, 'the hold is over, too')
  assert.deepEqual(await listed(flypaperd), [fly(2), fly(3)])

  await gate.nft(`add element inet filter flypaper { 203.0.113.7 timeout 2h }`)
  await daemon.says(/^<6>lockout 203\.0\.113\.7, by hand, for 2h \(by nft, pid \d+\)$/)
  await gate.nft('add element inet filter flypaper6 { 2001:db8:7:: }')
  await daemon.says(/^<6>lockout 2001:db8:7::\/64, by hand, for ever/)
  assert.deepEqual(await listed(flypaperd), [fly(2), fly(3), '2001:db8:7::/64', '203.0.113.7'])
  assert.match(await flypaperd.must('free', '203.0.113.7'), /Freed/)

  await gate.nft('flush set inet filter flypaper')
  await daemon.says(/free 198\.18\.0\.2/)
  assert.deepEqual(await listed(flypaperd), ['2001:db8:7::/64'])
  assert.doesNotMatch(daemon.output(), /armed again/)
  await daemon.stop()
})

test('flush ruleset: armed again with all flies, and who did it is named; also a set, a rule, a chain', async t => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await gate.nft(ADMIN_RULES)
  using flypaperd = install(gate, 'capture = "log"\n[chains]\ninput = ["input"]')
  const daemon = await flypaperd.start()
  await offend(scanner, fly(1), fly(2))
  assert.equal((await lockoutsOf(daemon, 2)).length, 2)
  const armed = async () => {
    const rules = await gate.must(['nft', 'list', 'table', 'inet', 'filter'])
    const [set] = /set flypaper \{[^}]*\{[^}]*\}/.exec(rules)!
    return rules.includes('jump flypaper_input comment') && set.includes(fly(1)) && set.includes(fly(2))
  }
  assert.ok(await armed())

  for (const [what, rules] of [
    ['a reload of the administrator', `flush ruleset\n${ADMIN_RULES}`],
    [
      'a set',
      'flush chain inet filter flypaper_early; flush chain inet filter flypaper_out; delete set inet filter flypaper_nets',
    ],
    ['a chain of ours', 'flush chain inet filter flypaper_judge'],
    ['the jump', 'flush chain inet filter input'],
  ] as const) {
    await gate.nft(rules)
    const [line] = await daemon.says(
      /nft, pid \d+, has removed a part of the trap: armed again with 2 flies, in \d+ ms/,
    )
    t.diagnostic(`${what}: ${line}`)
    assert.ok(await armed(), what)
    assert.equal((await flypaperd.run('status')).code, 0)
  }

  // In two steps: first everything goes, later his rules come.
  await gate.nft('flush ruleset')
  await daemon.says(/armed again/)
  await gate.nft(ADMIN_RULES)
  await daemon.says(/armed again/)
  assert.ok(await armed())
  await offend(scanner, fly(3))
  assert.deepEqual((await lockoutsOf(daemon, 3)).slice(2), [fly(3)])
  await daemon.stop()
})

test('what people did to the sets while no daemon ran is known at the next start', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate, 'capture = "log"')
  const first = await flypaperd.start()
  await offend(scanner, fly(1), fly(2), fly(3))
  assert.equal((await lockoutsOf(first, 3)).length, 3)
  process.kill(JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.pid, 'SIGKILL')
  await first.ended
  await gate.nft(
    `delete element inet filter flypaper { ${fly(1)} }; add element inet filter flypaper { 203.0.113.7 }`,
  )

  const second = await flypaperd.start()
  await second.says(/^<6>free 198\.18\.0\.1 \(by hand\)$/)
  await second.says(/^<6>lockout 203\.0\.113\.7, by hand, for ever \(by hand\)$/)
  assert.deepEqual(await listed(flypaperd), [fly(2), fly(3), '203.0.113.7'])
  assert.equal(await answers(scanner, fly(1)), 1)
  process.kill(JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.pid, 'SIGKILL')
  await second.ended

  // Another set, although it has the same name and the same number: the history wins.
  const before = await gate.must(['nft', '-a', 'list', 'ruleset'])
  await gate.nft('flush ruleset')
  const third = await flypaperd.start()
  const after = await gate.must(['nft', '-a', 'list', 'ruleset'])
  const handleOf = (ruleset: string) => /set flypaper \{ # handle (\d+)/.exec(ruleset)![1]
  assert.equal(handleOf(after), handleOf(before), 'only the table tells them apart')
  assert.deepEqual(await listed(flypaperd), [fly(2), fly(3), '203.0.113.7'])
  assert.match(after, /198\.18\.0\.2 counter .*timeout/)
  await sleep(300)
  assert.doesNotMatch(third.output(), /free 198/)
  await third.stop()
})
