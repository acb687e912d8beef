/**
 * Rules that send a whole address elsewhere, whatever the port: once such a rule is gone, whoever it was for is no offender for a while, at ports that
 * nobody used before; nor is he while it translates up to a rate only. Others stick, in the same world.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { BEHIND, BEHIND6, GATE, GATE6, gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const FAMILIES = [
  { family: 'ip', gate: GATE, behind: BEHIND, net: (n: number) => `198.51.${n}` },
  { family: 'ip6', gate: GATE6, behind: BEHIND6, net: (n: number) => `2001:db8:${n}` },
] as const
const source = (net: string, n: number) => (net.includes(':') ? `${net}:${n}::7` : `${net}.${n}`)
const named = (net: string, n: number) => (net.includes(':') ? `${net}:${n}::/64` : `${net}.${n}`)

/** One source of each family, of the n-th of these nets, tries this port. */
async function tries(outside: Host, net: number, n: number, tcp: number, flags?: number): Promise<void> {
  const bursts = FAMILIES.map(({ gate: destination, net: of }) => [
    { source: source(of(net), n), destination, tcp, ...(flags !== undefined && { flags }) },
  ])
  await send(outside, { bursts })
}

const stuck = (net: number, n: number) => FAMILIES.map(({ net: of }) => named(of(net), n))
const rules = (condition: (family: 'ip' | 'ip6', net: string) => string) =>
  FAMILIES.map(
    ({
      family,
      behind,
      net,
    }) => `table ${family} engine { chain pre { type nat hook prerouting priority dstnat;
      ${condition(family, net(51))} dnat to ${behind}; }; }`,
  ).join('\n')
const prefix = (net: string) => (net.includes(':') ? `${net}::/48` : `${net}.0/24`)
const FAR = 100
/** FIN, PSH and URG: nothing legal carries them. */
const XMAS = 0x29

test('of some sources: theirs are innocents, others are not', async () => {
  await using world = await makeWorld()
  const { gate, outside } = await gateOutsideBehind(world)
  await gate.nft(rules((family, net) => `${family} saddr ${prefix(net)}`))
  for (const route of [prefix('2001:db8:51'), prefix('2001:db8:100')])
    await gate.route(route, '2001:db8:1::9')
  using flypaperd = install(gate, 'closed = "auto"\ncapture = "log"')
  const daemon = await flypaperd.start()
  await sleep(500)
  await gate.nft('delete table ip engine; delete table ip6 engine')
  await tries(outside, 51, 1, 9301)
  await tries(outside, FAR, 1, 9302)
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), stuck(FAR, 1).sort())
  await sleep(500)
  assert.equal(lockouts(daemon).length, 2)
})

for (const [what, condition] of [
  ['of an interface', 'iifname "to-outside"'],
  ['up to a rate', 'limit rate 1/hour burst 1 packets'],
] as const)
  test(`${what}: whoever opens a port is an innocent, who sends what opens none is not`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await gateOutsideBehind(world)
    await gate.nft(rules(() => condition))
    using flypaperd = install(gate, 'closed = "auto"\ncapture = "log"')
    const daemon = await flypaperd.start()
    await sleep(500)
    // The rate is used up by the first.
    await tries(outside, 51, 1, 9301)
    if (what === 'of an interface') await gate.nft('delete table ip engine; delete table ip6 engine')
    // Longer than rules take to be at rest.
    await sleep(6000)
    await tries(outside, 51, 2, 9302)
    await tries(outside, 51, 3, 9303, XMAS)
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), stuck(51, 3).sort())
    await sleep(500)
    assert.equal(lockouts(daemon).length, 2)
  })
