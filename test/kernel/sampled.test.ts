/** Which ports flies go on to try: told by the kernel where the settings want that, a bounded sample; and nothing without. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'

const FLIES = [
  { source: '192.0.2.9', destination: '192.0.2.1' },
  { source: '2001:db8:2::9', destination: '2001:db8:1::1' },
]
const CALLED = { source: '192.0.2.10', destination: '192.0.2.1' }
const ACK = 0x10
const sampled = (perSecond: number) => `[history]\nsamples_per_second = ${perSecond}\n`

async function alsoTried(flypaperd: Installation, source: string): Promise<string[]> {
  const [{ alsoTried }] = JSON.parse((await flypaperd.run('why', source, '--json')).stdout)
  return (alsoTried?.ports ?? []).toSorted()
}

async function isTold(flypaperd: Installation, source: string, expected: readonly string[]): Promise<void> {
  let told: string[] = []
  await eventually(
    () => `${source} tried ${expected}, not ${told}`,
    async () => {
      told = await alsoTried(flypaperd, source)
      return String(told) === String(expected)
    },
  )
}

for (const [name, toml] of [
  ['', ''],
  [', beside public ports', 'public = ["tcp/443"]\n'],
  [', at ingress', 'ingress = ["to-scanner"]\n'],
] as const)
  test(`what flies try is told, what they may do is not${name}; and nothing where it is off`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '2001:db8:2::/64')
    const rules = () => gate.must(['nft', 'list', 'table', 'inet', 'filter'])
    using flypaperd = install(gate, toml + sampled(100))
    const daemon = await flypaperd.start()
    const offences: Outgoing[] = FLIES.map(ends => ({ ...ends, tcp: 81 }))
    await send(scanner, { bursts: offences.map(one => [one]) })
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), ['192.0.2.9', '2001:db8:2::/64'])
    const tries = (ports: readonly number[]) =>
      FLIES.flatMap((ends): Outgoing[] => [
        ...ports.map(tcp => ({ ...ends, tcp })),
        { ...ends, udp: 53, data: 'x' },
        { ...ends, tcp: 7777, flags: ACK },
      ])
    const knock = (ports: readonly number[], more: readonly Outgoing[] = []) =>
      send(scanner, { bursts: [...tries(ports), ...more].map(one => [one]) })
    // Of the last one nothing is known: it is no fly.
    await knock([22, 443], [{ ...CALLED, tcp: 22 }])
    const expected = toml.includes('public') ? ['tcp/22', 'udp/53'] : ['tcp/22', 'tcp/443', 'udp/53']
    for (const { source } of FLIES) await isTold(flypaperd, source, expected)
    assert.deepEqual(await alsoTried(flypaperd, CALLED.source), [])
    assert.match(
      await flypaperd.must('why', FLIES[0]!.source),
      /since then also tried: TCP 22(, 443)?; UDP 53 \(a sample\)/,
    )
    const report = JSON.parse(await flypaperd.must('report', '--json'))
    assert.deepEqual(
      report.alsoTried.find(({ what }: { what: string }) => what === 'tcp/22'),
      { what: 'tcp/22', sources: 2 },
    )
    assert.match(await rules(), /flypaper_sampled/)

    flypaperd.settings(toml)
    await flypaperd.must('reload')
    assert.doesNotMatch(await rules(), /flypaper_sampled/)
    await knock([8022])
    flypaperd.settings(toml + sampled(100))
    await flypaperd.must('reload')
    await knock([9022])
    for (const { source } of FLIES) await isTold(flypaperd, source, [...expected, 'tcp/9022'].toSorted())
  })

test('of a burst the kernel tells no more than it may', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '2001:db8:2::/64')
  using flypaperd = install(gate, sampled(2))
  const daemon = await flypaperd.start()
  const [ends] = FLIES as [(typeof FLIES)[number]]
  await send(scanner, { bursts: [[{ ...ends, tcp: 81 }]] })
  await lockoutsOf(daemon, 1)
  await send(scanner, { bursts: [Array.from({ length: 30 }, (_, i) => ({ ...ends, tcp: 1000 + i }))] })
  let told: string[] = []
  await eventually('a sample', async () => {
    told = await alsoTried(flypaperd, ends.source)
    return told.length > 0
  })
  assert.ok(told.length <= 5, String(told))
})
