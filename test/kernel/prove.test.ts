/** The proof of a ruleset that is nowhere: what is kept, faults that are planted, and a death in the middle. */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Installation, install } from '../support/daemon.ts'
import { descendants, lineOf } from '../support/descendants.ts'
import { eventually } from '../support/eventually.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { leftBy } from '../support/proving.ts'
import { firewall } from '../support/scanning.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** `flypaperd prove` on that host, of this ruleset. */
function command({ directory }: Installation, ruleset: string, listen: string): string[] {
  const file = join(directory, 'rules.nft')
  writeFileSync(file, ruleset)
  const settings = ['--settings', join(directory, 'flypaperd.toml')]
  return [process.execPath, FLYPAPERD, 'prove', '--ruleset', file, '--listen', listen, ...settings]
}

async function proofOf(host: Host, settings: string, ruleset: string, listen: string) {
  using flypaperd = install(host, settings)
  const proving = [...command(flypaperd, ruleset, listen), '--json']
  const { code, stdout, stderr } = await host.run(proving, { timeout: 120_000 })
  assert.ok(code <= 1, stderr)
  assert.deepEqual(
    readdirSync(flypaperd.directory).sort(),
    ['flypaperd.toml', 'rules.nft'],
    'no history, no socket',
  )
  return { code, ...JSON.parse(stdout) }
}

const leaks = (proof: { scans: { scan: string; family: number; isLeak: boolean }[] }) =>
  proof.scans.filter(({ isLeak }) => isLeak).map(({ scan, family }) => `${scan} ${family}`)

test('a firewall that drops: kept, and nothing of the machine is changed', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  await host.nft('add table inet mine\nadd chain inet mine c { type filter hook input priority 0; }')
  const before = await leftBy(host)
  const rules = firewall('tcp dport { 22, 443 }', 'udp dport 53')
  const proof = await proofOf(host, 'closed = "listening"', rules, 'tcp:22,tcp:443,tcp:5432,udp:53')
  assert.equal(await leftBy(host), before)
  assert.deepEqual([proof.code, proof.kept], [0, true])
  const found = proof.scans.map(
    ({ scan, family, control, found, stuckAt }: Record<string, string>) =>
      `${scan} ${family} ${control} [${found}] ${stuckAt}`,
  )
  assert.deepEqual(found, [
    ...[4, 6].flatMap(family => [
      `SYN ${family} tcp/22,tcp/443 [] 1`,
      `FIN ${family}  [] 1`,
      `NULL ${family}  [] 1`,
      `Xmas ${family}  [] 1`,
      `ACK ${family}  [] 3`,
      `UDP ${family} udp/53 [] 1`,
      ...(family === 6 ? ['SYN-ext 6 tcp/22,tcp/443 [] 1'] : []),
    ]),
    ...[4, 6].map(family => `connect ${family} tcp/22,tcp/443 [] 1`),
  ])
  assert.deepEqual(
    proof.bursts.map(({ controlAnswers, answers }: Record<string, number>) => [controlAnswers, answers]),
    [40, 40].map(count => [count, 0]),
  )
  const refused = proof.clients.filter(({ control }: { control: string }) => control !== 'served')
  assert.deepEqual(
    refused.map(({ service }: { service: string }) => service),
    ['tcp/5432', 'tcp/5432'],
    'a port that the firewall keeps for others is no service of strangers',
  )
})

test('planted: an accept too much, and an innocent that sticks', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  const settings = 'closed = "unmatched"\n'
  const input = (policy: string, accept: string) => `table inet filter {
    chain flypaper_input { }
    chain input {
      type filter hook input priority filter; policy ${policy};
      ct state established,related accept
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
      ${accept} accept
      jump flypaper_input
    }
  }`
  const listen = 'tcp:22,tcp:443'
  // At once: no proof is in another's way.
  const [right, open, narrow] = await Promise.all([
    proofOf(host, settings, input('drop', 'tcp dport { 22, 443 }'), listen),
    proofOf(host, settings, input('drop', 'tcp dport 1-65535'), listen),
    proofOf(host, settings, input('accept', 'tcp dport 22'), listen),
  ])
  assert.deepEqual([right.code, right.kept, leaks(right)], [0, true, []], 'the control')
  assert.deepEqual([open.code, open.kept], [1, false])
  const tcp = ['SYN', 'FIN', 'NULL', 'Xmas']
  assert.deepEqual(
    leaks(open),
    [4, 6]
      .flatMap(family => [...tcp, ...(family === 6 ? ['SYN-ext'] : [])].map(scan => `${scan} ${family}`))
      .concat('connect 4', 'connect 6'),
  )
  assert.deepEqual([narrow.code, narrow.kept, leaks(narrow)], [1, false, []])
  assert.deepEqual(
    narrow.clients
      .filter(({ isHurt }: { isHurt: boolean }) => isHurt)
      .map(({ service, isStuck }: { service: string; isStuck: boolean }) => [service, isStuck]),
    [
      ['tcp/443', true],
      ['tcp/443', true],
    ],
  )
})

test('killed in the middle it leaves nothing', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  using flypaperd = install(host)
  for (const [signal, moment] of [
    ['SIGKILL', /in-clone.* send/],
    ['SIGKILL', / start --log stderr /],
    ['SIGTERM', / start --log stderr /],
  ] as const) {
    const proving = await host.start(command(flypaperd, '', 'tcp:22'))
    const of = () => descendants(proving.pid)
    await eventually(`no ${moment}`, () => [...of().values()].some(line => moment.test(line)), 30_000)
    const all = [...of().keys()]
    assert.ok(all.length >= 5, 'two holders, what they hold, the services, and that one')
    process.kill(proving.pid, signal)
    await eventually(
      () => `after ${signal} at ${moment}: ${all.map(pid => lineOf(pid))}`,
      () => all.every(pid => lineOf(pid) === ''),
    )
  }
  assert.deepEqual(readdirSync(flypaperd.directory).sort(), ['flypaperd.toml', 'rules.nft'])
})
