/** The dry run says whom it would lock out, and the world is as without us. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Installation, install, lockouts } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'

const FIREWALL = `table inet filter {
  chain flypaper_input { }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 22 accept
    jump flypaper_input
  }
}`

for (const { mode, firewall, how } of [
  { mode: 'listening', firewall: undefined, how: ['start', '--dry-run'] },
  { mode: 'unmatched', firewall: FIREWALL, how: ['start'] },
] as const) {
  test(`a dry run, closed = ${mode}`, async () => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    const scanner = await world.host('scanner')
    await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
    await gate.route('198.18.0.0/16', '192.0.2.9')
    // 2222 listens and is firewalled in the second mode.
    await serve(gate, 'tcp:22', 'tcp:2222')
    if (firewall !== undefined) await gate.nft(firewall)
    const probe = (source: string) =>
      [9, 22, 2222, 10].map(tcp => ({ source, destination: GATE, tcp, from: 40_000 + tcp }))
    const late = (source: string) => [22, 9].map(tcp => ({ source, destination: GATE, tcp, flags: 0x10 }))
    const heard = async (host: number) => {
      const bursts = [probe(`198.18.0.${host}`), late(`198.18.1.${host}`)]
      const { answers } = await send(scanner, { bursts })
      return answers.map(({ kind, detail }) => `${kind} ${detail}`).sort()
    }
    const before = await heard(1)
    assert.ok(before.includes('syn-ack 22'), String(before))
    assert.equal(before.includes('syn-ack 2222'), firewall === undefined)

    const settings = `closed = "${mode}"\ncapture = "queue"\nhold = "1s"`
    using flypaperd = install(gate, how.length === 2 ? settings : `dry_run = true\n${settings}`)
    const daemon = await flypaperd.start(...how)
    await daemon.says(/this is a dry run/)
    assert.match(daemon.output(), /trap armed, listening by NFLOG/, 'whatever capture says')
    assert.deepEqual(await heard(2), before, 'nobody is answered differently')
    await daemon.says(/would lock out 198\.18\.0\.2, who tried TCP-port 9, for 10m/)
    assert.deepEqual(await heard(2), before, 'nor the second time')
    // Nor is what a person does to the set any business of a dry run.
    await gate.nft('add element inet filter flypaper { 203.0.113.7 }')
    await gate.nft('delete element inet filter flypaper { 203.0.113.7 }')
    assert.deepEqual(await heard(4), before)
    assert.doesNotMatch(daemon.output(), /(lockout|free) 203\.0\.113\.7/)
    assert.deepEqual(lockouts(daemon), [])
    for (const set of ['flypaper', 'flypaper_hold'])
      assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]), /elements/)
    assert.match(await flypaperd.must('list'), /^No flies/)
    await tellsOfDryRun(flypaperd)
    assert.match(await flypaperd.must('status'), /process: +OK \(pid \d+, dry run\)/)

    // The control: in earnest the same sender hears nothing more.
    await flypaperd.must('stop')
    await daemon.ended
    await tellsOfDryRun(flypaperd)
    flypaperd.settings(settings.replace('queue', 'log'))
    const earnest = await flypaperd.start()
    assert.match(earnest.output(), /with 0 flies/, 'what a dry run said is no lockout')
    assert.deepEqual(await heard(3), [])
    await earnest.says(/lockout 198\.18\.0\.3, who tried TCP-port 9/)
  })
}

/** With a daemon and without: list, why and report know it by --dry-run alone. */
async function tellsOfDryRun(flypaperd: Installation): Promise<void> {
  assert.match(await flypaperd.must('list', '--dry-run'), /198\.18\.0\.2/)
  assert.match(await flypaperd.must('why', '198.18.0.2', '--dry-run'), /tried TCP-port .* locked out/)
  assert.ok(JSON.parse(await flypaperd.must('report', '--dry-run', '--json')).lockouts > 0)
  assert.equal((await flypaperd.run('why', '198.18.0.2')).code, 1)
  assert.equal(JSON.parse(await flypaperd.must('report', '--json')).lockouts, 0)
}
