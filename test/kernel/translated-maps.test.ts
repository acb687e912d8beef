/**
 * Ports that stand in the elements of named maps and sets by which rules send packets elsewhere: they count as served before anybody used them, also
 * when they are put in later. Whoever tries a port that stands in none sticks, in the same world.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { BEHIND, BEHIND6, GATE, GATE6, gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const FAMILIES = [
  { gate: GATE, host: (n: number) => `198.51.100.${n}`, named: (n: number) => `198.51.100.${n}` },
  { gate: GATE6, host: (n: number) => `2001:db8:51:${n}::7`, named: (n: number) => `2001:db8:51:${n}::/64` },
] as const

/** One source of each family tries this port. */
async function tries(outside: Host, n: number, tcp: number): Promise<void> {
  const bursts = FAMILIES.map(({ gate: destination, host }) => [{ source: host(n), destination, tcp }])
  await send(outside, { bursts })
}

/** The maps and sets of a table, each with a rule by which it sends what comes to `behind`, and with what stands in it. */
const named = (family: 'ip' | 'ip6', gate: string, behind: string) => {
  const type = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'
  const to = family === 'ip' ? `${behind}:80` : `[${behind}]:80`
  const maps = [
    ['plain', `map`, `type inet_service : ${type};`, `9101 : ${behind}, 9102 : ${behind}`],
    [
      'ranges',
      `map`,
      `type inet_service : ${type}; flags interval;`,
      `9110-9112 : ${behind}, 9113 : ${behind}`,
    ],
    [
      'both',
      `map`,
      `type ${type} . inet_service : ${type} . inet_service;`,
      `${gate} . 9120 : ${behind} . 80`,
    ],
    [
      'wide',
      `map`,
      `type ${type} . inet_service : ${type} . inet_service; flags interval;`,
      `${gate} . 9130-9132 : ${behind} . 80`,
    ],
    ['ways', `map`, 'type inet_proto . inet_service : verdict;', 'tcp . 9140 : goto pod'],
    [
      'nodes',
      `map`,
      `type ${type} . inet_proto . inet_service : verdict;`,
      `${gate} . tcp . 9150 : goto pod`,
    ],
    ['shared', `set`, 'type inet_service;', '9160'],
    ['spans', `set`, `type ${type} . inet_service; flags interval;`, `${gate} . 9170-9172`],
    ['elsewhere', `map`, 'type inet_service : verdict;', '9180 : accept'],
  ] as const
  const table = `table ${family} theirnat {
    chain pod {
      meta l4proto tcp dnat to ${to}
    }
    ${maps.map(([name, kind, how]) => `${kind} ${name} { ${how} }`).join('\n    ')}
    chain prerouting {
      type nat hook prerouting priority dstnat; policy accept;
      dnat to tcp dport map @plain
      dnat to tcp dport map @ranges
      dnat to ${family} daddr . tcp dport map @both
      dnat to ${family} daddr . tcp dport map @wide
      meta l4proto . th dport vmap @ways
      ${family} daddr . meta l4proto . th dport vmap @nodes
      tcp dport @shared dnat to ${to}
      ${family} daddr . tcp dport @spans dnat to ${to}
      tcp dport vmap @elsewhere
    }
  }`
  const fill = maps.map(([name, , , elements]) => `add element ${family} theirnat ${name} { ${elements} }`)
  const flush = maps.map(([name, kind]) => `flush ${kind} ${family} theirnat ${name}`)
  return { table, fill: fill.join('\n'), flush: flush.join('\n') }
}
const NAT = [named('ip', GATE, BEHIND), named('ip6', GATE6, BEHIND6)]
const all = (what: 'table' | 'fill' | 'flush') => NAT.map(nat => nat[what]).join('\n')
const PUBLISHED = [9101, 9102, 9111, 9113, 9120, 9131, 9140, 9150, 9160, 9171]
/** Behind the ranges, and of a map that sends nobody elsewhere. */
const OTHERS = [9103, 9114, 9133, 9180]

for (const [when, closed] of [
  ['before', 'auto'],
  ['after', 'listening'],
])
  test(`${closed}: ports in named maps, there ${when} the daemon: when they are taken out unused, their clients are no offenders`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await gateOutsideBehind(world)
    await gate.nft(all('table'))
    if (when === 'before') await gate.nft(all('fill'))
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    // A while after its start: no rule changes any more.
    if (when === 'after') {
      await sleep(1000)
      await gate.nft(all('fill'))
    }
    await eventually('a port is served', async () =>
      (await listed(gate, 'flypaper_served')).includes('tcp . 9101'),
    )
    await gate.nft(all('flush'))
    for (const [i, port] of PUBLISHED.entries()) await tries(outside, i + 1, port)
    for (const [i, port] of OTHERS.entries()) await tries(outside, 100 + i, port)
    const stuck = OTHERS.flatMap((_, i) => FAMILIES.map(({ named }) => named(100 + i)))
    assert.deepEqual((await lockoutsOf(daemon, stuck.length)).sort(), stuck.sort())
    await sleep(500)
    assert.equal(lockouts(daemon).length, stuck.length)
  })
