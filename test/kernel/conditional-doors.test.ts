/**
 * Doors that rules of others open under a rate, a count, a quota or the like. Who is refused there is no offender, also in the first moment after the
 * trap was armed, when nobody has been let in yet: to this machine, behind it, and by translation. Ports that no rule opens are closed from the first
 * packet on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { BEHIND, BEHIND6, GATE, gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SETTINGS = 'closed = "unaccepted"\ncapture = "log"'
const GATE6 = '2001:db8:1::1'
/** Somebody listens, and no rule accepts. */
const REFUSED = 81
/** Nobody listens. */
const CLOSED = 82
/** Port of this machine that is translated to such a port behind it. */
const published = (port: number) => port + 1000
const UDP_DOOR = 1053

/** Each lets one packet through, of either family. */
const DOORS: Readonly<Record<string, readonly [port: number, rule: string]>> = {
  'limit, accept': [2201, 'limit rate 1/hour burst 1 packets accept'],
  'limit, drop': [2202, 'limit rate over 1/hour burst 1 packets drop'],
  meter: [2203, 'meter m { tcp dport limit rate 1/hour burst 1 packets } accept'],
  'dynamic set': [
    2204,
    'update @rates { tcp dport limit rate over 1/hour burst 1 packets } reject with tcp reset',
  ],
  'ct count': [2205, 'ct count over 1 drop'],
  quota: [2206, 'quota over 30 bytes drop'],
  'named quota': [2207, 'quota name "q" drop'],
  'full set': [2208, 'add @full { ip saddr } accept'],
  'a chain of its own': [2209, 'jump limited'],
}
const XT: Readonly<Record<string, readonly [port: number, rules: readonly string[]]>> = {
  connlimit: [2211, ['-m connlimit --connlimit-above 1 --connlimit-mask 0 -j DROP']],
  hashlimit: [
    2212,
    [
      '-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode dstport --hashlimit-name NAME -j DROP',
    ],
  ],
  limit: [2213, ['-m limit --limit 1/hour --limit-burst 1 -j ACCEPT', '-j REJECT']],
  quota: [2214, ['-m quota --quota 30 -j ACCEPT', '-j DROP']],
}
const PORTS = [...Object.values(DOORS), ...Object.values(XT)].map(([port]) => port)

const theirRules = `
table inet theirs {
  set rates { type inet_service; flags dynamic; }
  set full { type ipv4_addr; size 1; flags dynamic; }
  set full6 { type ipv6_addr; size 1; flags dynamic; }
  quota q { over 30 bytes }
  chain limited { limit rate over 1/hour burst 1 packets drop; }
  chain doors {
    tcp dport 22 accept
    ${Object.values(DOORS)
      .map(([port, rule]) => `tcp dport ${port} ${rule}`)
      .join('\n    ')}
    tcp dport 2208 add @full6 { ip6 saddr } accept
    tcp dport { 2202, 2204-2207, 2209, 2211-2214 } accept
    udp dport ${UDP_DOOR} limit rate 1/hour burst 1 packets accept
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    icmp type echo-request limit rate 5/second accept
    jump doors
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    jump doors
  }
}
table ip theirnat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${PORTS.map(port => `tcp dport ${published(port)} dnat to ${BEHIND}:${port}`).join('\n    ')}
    tcp dport ${published(REFUSED)} dnat to ${BEHIND}:${REFUSED}
  }
}`

async function iptables(host: Host): Promise<void> {
  for (const program of ['iptables-nft', 'ip6tables-nft'])
    for (const chain of ['INPUT', 'FORWARD'])
      for (const [port, rules] of Object.values(XT))
        for (const rule of rules) {
          const words = rule.replace('NAME', `${program}-${chain}`.slice(0, 14)).split(' ')
          await host.must([program, '-w', '-A', chain, '-p', 'tcp', '--dport', String(port), ...words])
        }
}

const WAYS = [
  {
    name: 'to this machine',
    target: GATE,
    at: (port: number) => port,
    source: (i: number) => `198.51.100.${i}`,
  },
  {
    name: 'to this machine, IPv6',
    target: GATE6,
    at: (port: number) => port,
    source: (i: number) => `2001:db8:51:${i}::7`,
  },
  { name: 'published by DNAT', target: GATE, at: published, source: (i: number) => `198.51.101.${i}` },
  {
    name: 'routed IPv6',
    target: BEHIND6,
    at: (port: number) => port,
    source: (i: number) => `2001:db8:52:${i}::7`,
  },
] as const

test('who is refused by a rate, a count, a quota or a full set, before anybody was let in, is no offender', async () => {
  await using world = await makeWorld()
  const { gate, outside, behind } = await gateOutsideBehind(world)
  for (const host of [gate, behind])
    await serve(host, 'tcp:22', `udp:${UDP_DOOR}`, ...[...PORTS, REFUSED].map(port => `tcp:${port}` as const))
  await gate.nft(theirRules)
  await iptables(gate)
  /** What each heard who tried a port, and then one that is open to everybody. */
  const tried = async (
    way: (typeof WAYS)[number],
    from: number,
    ...what: readonly (readonly Carries[])[]
  ) => {
    const bursts = what.map((carries, i) =>
      carries.map(one => ({ source: way.source(from + i), destination: way.target, ...one })),
    )
    const { answers } = await send(outside, { bursts })
    return bursts.map(([first]) =>
      answers
        .filter(({ destination, kind }) => destination === first!.source && kind === 'syn-ack')
        .map(({ detail }) => detail),
    )
  }
  const doors = (way: (typeof WAYS)[number]) => PORTS.map(port => [{ tcp: way.at(port) }])
  // The one that each lets through comes before the trap is armed: nobody will be let in any more.
  for (const way of WAYS) await tried(way, 100, ...doors(way))
  await tried(WAYS[0], 140, [{ udp: UDP_DOOR }])
  for (const way of WAYS)
    assert.deepEqual(
      (await tried(way, 150, ...doors(way))).flat(),
      [],
      `${way.name}: the control: all are shut`,
    )

  using flypaperd = install(gate, SETTINGS)
  const daemon = await flypaperd.start()
  const offenders: string[] = []
  for (const round of [0, 1]) {
    for (const [i, way] of WAYS.entries()) {
      const from = 1 + round * 20
      const heard = await tried(way, from, ...doors(way).map(door => [...door, { tcp: 22 }]))
      assert.deepEqual(
        heard.map(all => all.length),
        PORTS.map(() => 1),
        `${way.name}: and port 22 answers`,
      )
      // A flood at such a door is no licence for another port.
      const flood = Array.from({ length: 20 }, () => ({ tcp: way.at(2202) }))
      const [nothing] = await tried(way, 60 + round, [...flood, { tcp: way.at(REFUSED) }, { tcp: 22 }])
      assert.deepEqual(nothing, [], `${way.name}: the control, a port that no rule opens`)
      offenders.push(way.source(60 + round))
      if (i > 1) continue
      assert.deepEqual(
        (await tried(way, 70 + round, [{ tcp: CLOSED }, { tcp: 22 }])).flat(),
        [],
        'nobody listens',
      )
      offenders.push(way.source(70 + round))
    }
    assert.deepEqual(await tried(WAYS[0], 45 + round, [{ udp: UDP_DOOR }, { tcp: 22 }]), [[22]], 'UDP')
    assert.deepEqual(
      (await lockoutsOf(daemon, offenders.length)).map(hostOf).sort(),
      offenders.map(hostOf).sort(),
    )
    if (round === 1) continue
    flypaperd.settings('closed = "listening"\ncapture = "log"')
    await flypaperd.must('reload')
    flypaperd.settings(SETTINGS)
    await flypaperd.must('reload')
  }
  await sleep(1000)
  assert.equal(lockouts(daemon).length, offenders.length)
})

const OWN = `
table inet filter {
  chain flypaper_input { }
  chain flypaper_forward { }
  chain doors {
    tcp dport 22 accept
    tcp dport 2201 limit rate 1/hour burst 1 packets accept
    tcp dport 2205 ct count 1 accept
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    jump doors
    jump flypaper_input
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    jump doors
    jump flypaper_forward
  }
}`

test('closed = "unmatched": whoever comes to the jump because of a rate or a count is no offender', async () => {
  await using world = await makeWorld()
  const { gate, outside, behind } = await gateOutsideBehind(world)
  for (const host of [gate, behind]) await serve(host, 'tcp:22', 'tcp:2201', 'tcp:2205')
  await gate.nft(OWN)
  using flypaperd = install(gate, 'closed = "unmatched"\ncapture = "log"')
  const daemon = await flypaperd.start()
  const offenders: string[] = []
  for (const { target, at, source, name } of WAYS.filter(({ at }) => at !== published)) {
    const { answers } = await send(outside, {
      bursts: [[2201], [2205], [2201, 22], [2205, 22], [REFUSED, 22]].map((ports, i) =>
        ports.map(port => ({ source: source(i + 1), destination: target, tcp: at(port) })),
      ),
    })
    const greeted = (i: number) =>
      answers.some(
        ({ destination, kind, detail }) => destination === source(i) && kind === 'syn-ack' && detail === 22,
      )
    assert.deepEqual([3, 4, 5].map(greeted), [true, true, false], name)
    offenders.push(source(5))
    assert.deepEqual(
      (await lockoutsOf(daemon, offenders.length)).map(hostOf),
      offenders.map(hostOf),
      'the control alone',
    )
  }
})

/** The /64 is the fly. */
function hostOf(source: string): string {
  return source.includes(':') ? source.replace(/::7$|::\/64$/, '') : source
}
