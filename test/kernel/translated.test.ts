/**
 * Ports that rules send elsewhere count as served, also where the rule translates up to a rate only, or is taken away a moment after it came; and doors
 * whose limits stand in the elements of a set. Whoever meets a port that nobody opens sticks, in the same world.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { BEHIND, BEHIND6, GATE, gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE6 = '2001:db8:1::1'
const FAMILIES = [
  { gate: GATE, host: (n: number) => `198.51.100.${n}`, named: (n: number) => `198.51.100.${n}` },
  { gate: GATE6, host: (n: number) => `2001:db8:51:${n}::7`, named: (n: number) => `2001:db8:51:${n}::/64` },
] as const

/** Each time from another port, so that it is a new connection. */
let from = 40_000

/** One source of each family tries these. */
async function tries(outside: Host, n: number, ...carries: readonly Carries[]): Promise<number> {
  from++
  const bursts = FAMILIES.map(({ gate: destination, host }) =>
    carries.map(one => ({ source: host(n), destination, from, ...one })),
  )
  const { answers } = await send(outside, { bursts })
  return answers.filter(({ kind }) => kind === 'syn-ack').length
}

const LISTENER = `const [, port, ...hosts] = process.argv
let left = hosts.length
for (const host of hosts) require('node:net').createServer().listen({ host, port }, () => --left === 0 && console.log('ready'))`

async function listenAt(gate: Host, port: number, ...addresses: string[]): Promise<void> {
  await (await gate.start([process.execPath, '-e', LISTENER, String(port), ...addresses])).says(/^ready$/)
}

const publishing = (match: string) =>
  [
    ['ip', BEHIND],
    ['ip6', `[${BEHIND6}]`],
  ]
    .map(
      ([family, to]) => `table ${family} engine {
        chain pre { type nat hook prerouting priority dstnat; ${match} dnat to ${to}:80; }
      }`,
    )
    .join('\n')

/** Each translates one packet, of either family. */
const CONDITIONAL = {
  8001: 'limit rate 1/hour burst 1 packets',
  8002: 'quota 70 bytes',
  8003: 'numgen inc mod 1000000 < 1',
}
const nat = (family: 'ip' | 'ip6', behind: string) => `
table ${family} theirnat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${Object.entries(CONDITIONAL)
      .map(([port, condition]) => `tcp dport ${port} ${condition} dnat to ${behind}:80`)
      .join('\n    ')}
    dnat to tcp dport map { 8004 : ${behind} }
  }
}`
const NAT = nat('ip', BEHIND) + nat('ip6', `[${BEHIND6}]`).replace(`: [${BEHIND6}]`, `: ${BEHIND6}`)

for (const closed of ['auto', 'listening', 'unaccepted'])
  test(`${closed}: whom a rule does not translate any more, beyond a rate or a quota, is no offender`, async () => {
    await using world = await makeWorld()
    const { gate, outside, behind } = await gateOutsideBehind(world)
    await serve(behind, 'tcp:8004')
    const service = await serve(behind, 'tcp:80')
    await gate.nft(NAT)
    for (const port of Object.keys(CONDITIONAL))
      assert.equal(await tries(outside, 200, { tcp: Number(port) }), 2, `${port} lets one through`)
    // What it still has to say would tell that the ports are served.
    await service.stop('SIGKILL')
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    let n = 0
    for (const port of Object.keys(CONDITIONAL))
      assert.equal(await tries(outside, ++n, { tcp: Number(port) }), 0, `${port} is shut`)
    assert.equal(await tries(outside, ++n, { tcp: 8004 }), 2)
    assert.equal(await tries(outside, 100, { tcp: 8009 }, { tcp: 8004 }), 0, 'the control')
    const stuck = FAMILIES.map(({ named }) => named(100)).sort()
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), stuck)
    await sleep(500)
    assert.equal(lockouts(daemon).length, 2)
  })

for (const closed of ['auto', 'listening'])
  test(`${closed}: a port that is published and, before anybody used it, taken away again: its client is no offender`, async () => {
    await using world = await makeWorld()
    const { gate, outside, behind } = await gateOutsideBehind(world)
    await serve(behind, 'tcp:80')
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    const publish = async (port: number) => {
      for (const [family, to] of [
        ['ip', BEHIND],
        ['ip6', `[${BEHIND6}]`],
      ] as const)
        await gate.nft(
          `table ${family} engine { chain pre { type nat hook prerouting priority dstnat; }; chain own { }; }
         add rule ${family} engine own meta l4proto tcp dnat to ${to}:80
         add rule ${family} engine pre tcp dport ${port} jump own`,
        )
    }
    await publish(9001)
    assert.equal(await tries(outside, 1, { tcp: 9001 }), 2, 'at once')
    await gate.nft('flush ruleset ip; flush ruleset ip6')
    await publish(9002)
    await eventually('the port is served', async () =>
      (await listed(gate, 'flypaper_served')).includes('tcp . 9002'),
    )
    await gate.nft('flush ruleset ip; flush ruleset ip6')
    await tries(outside, 2, { tcp: 9002 })
    await tries(outside, 3, { tcp: 9003 })
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), FAMILIES.map(({ named }) => named(3)).sort())
    await sleep(500)
    assert.equal(lockouts(daemon).length, 2)
  })

for (const closed of ['listening', 'unaccepted'])
  test(`${closed}: a published port that a program here has at another address is served, another one is not`, async () => {
    await using world = await makeWorld()
    const { gate, outside, behind } = await gateOutsideBehind(world)
    const service = await serve(behind, 'tcp:80')
    for (const port of [8080, 8081]) await listenAt(gate, port, '10.0.0.1', '2001:db8:10::1')
    const publish = () => gate.nft(publishing('tcp dport 8080'))
    await publish()
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nserved = "20s"`)
    const daemon = await flypaperd.start()
    assert.equal(await tries(outside, 1, { tcp: 8080 }), 2)
    await service.stop('SIGKILL')
    // It is made anew, and its rule is gone for as long.
    await gate.nft('delete table ip engine; delete table ip6 engine')
    await tries(outside, 2, { tcp: 8080 }, { tcp: 23 })
    await tries(outside, 3, { tcp: 8081 })
    const because = async (n: number) => (await flypaperd.run('why', FAMILIES[0].host(n))).stdout
    await eventually('the control', async () => /8081/.test(await because(3)))
    assert.match(await because(2), /TCP-port 23/)
    assert.doesNotMatch(await because(2), /8080/, 'served')
    await sleep(500)
    assert.deepEqual(lockouts(daemon).sort(), FAMILIES.map(({ named }) => named(2)).sort())
  })

test('limits in the elements of a set or map: who is refused by them is no offender', async () => {
  await using world = await makeWorld()
  const { gate, outside } = await gateOutsideBehind(world)
  await serve(gate, 'tcp:22', 'tcp:2201', 'tcp:2202', 'tcp:81')
  const addresses = (i: number) => FAMILIES[i]!.host(1)
  await gate.nft(`table inet theirs {
    set clients { type ipv4_addr; limit rate 1/hour burst 1 packets; elements = { ${addresses(0)} } }
    set clients6 { type ipv6_addr; limit rate 1/hour burst 1 packets; elements = { ${addresses(1)} } }
    map ways { type inet_service : verdict; limit rate 1/hour burst 2 packets; elements = { 2202 : accept } }
    chain input {
      type filter hook input priority filter; policy drop;
      ct state established,related accept
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
      tcp dport 22 accept
      tcp dport 2201 ip saddr @clients accept
      tcp dport 2201 ip6 saddr @clients6 accept
      tcp dport 2202 tcp dport vmap @ways
    }
  }`)
  assert.equal(await tries(outside, 1, { tcp: 2201 }, { tcp: 2202 }), 4)
  using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
  const daemon = await flypaperd.start()
  assert.equal(await tries(outside, 1, { tcp: 2201 }, { tcp: 2202 }, { tcp: 22 }), 2, 'refused, and not held')
  assert.equal(await tries(outside, 3, { tcp: 81 }, { tcp: 22 }), 0, 'the control')
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), FAMILIES.map(({ named }) => named(3)).sort())
  await sleep(500)
  assert.equal(lockouts(daemon).length, 2)
})
