/**
 * The inside of a router: who sticks there loses the router and what else is inside, and keeps what it sends on to the uplink. Reverse path
 * filters are off in these worlds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const FORWARD = `
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    oifname "to-uplink" tcp dport 7000 accept
    oifname "to-dmz" tcp dport 80 accept`
const INPUT = `
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    tcp dport 22 accept`
const RULES = {
  listening: '',
  unaccepted: `table inet theirs {\n  chain input {${INPUT}\n  }\n  chain forward {${FORWARD}\n  }\n}`,
  unmatched: `table inet filter {
  chain flypaper_input { }
  chain flypaper_forward { }
  chain input {${INPUT}\n    jump flypaper_input\n  }
  chain forward {${FORWARD}\n    jump flypaper_forward\n  }
}`,
} as const
type Closed = keyof typeof RULES

const FAMILIES = [
  {
    family: 'IPv4',
    lanGate: '10.0.0.1',
    pc: (i: number) => `10.0.0.${i}`,
    outside: '192.0.2.9',
    dmz: '10.1.0.5',
    gate: '192.0.2.1',
    stranger: '192.0.2.66',
  },
  {
    family: 'IPv6',
    lanGate: '2001:db8:10::1',
    pc: (i: number) => `2001:db8:10::${i}`,
    outside: '2001:db8:1::9',
    dmz: '2001:db8:11::5',
    gate: '2001:db8:1::1',
    stranger: '2001:db8:1::66',
  },
] as const

/** The PC has addresses enough for several hosts of the LAN. */
const PCS = [5, 6, 7]

async function router(world: Awaited<ReturnType<typeof makeWorld>>, closed: Closed) {
  const [gate, uplink, lan, dmz] = (await Promise.all(
    ['gate', 'uplink', 'lan', 'dmz'].map(name => world.host(name)),
  )) as [Host, Host, Host, Host]
  const [four, six] = FAMILIES
  await world.link(gate, uplink, {
    a: [`${four.gate}/24`, `${six.gate}/64`],
    b: [four.outside, four.stranger]
      .map(it => `${it}/24`)
      .concat([six.outside, six.stranger].map(it => `${it}/64`)),
  })
  await world.link(gate, lan, {
    a: [`${four.lanGate}/24`, `${six.lanGate}/64`],
    b: PCS.flatMap(i => [`${four.pc(i)}/24`, `${six.pc(i)}/64`]),
  })
  await world.link(gate, dmz, {
    a: ['10.1.0.1/24', '2001:db8:11::1/64'],
    b: [`${four.dmz}/24`, `${six.dmz}/64`],
  })
  await gate.forward()
  for (const [host, four, six] of [
    [gate, '192.0.2.254', '2001:db8:1::fe'],
    [lan, '10.0.0.1', '2001:db8:10::1'],
    [dmz, '10.1.0.1', '2001:db8:11::1'],
  ] as const) {
    await host.route('default', four)
    await host.route('::/0', six)
  }
  for (const [net, via] of [
    ['10.0.0.0/15', '192.0.2.1'],
    ['2001:db8:10::/47', '2001:db8:1::1'],
  ] as const)
    await uplink.route(net, via)
  await serve(gate, 'tcp:22')
  await serve(dmz, 'tcp:80')
  await serve(uplink, 'tcp:7000', 'tcp:7001')
  if (RULES[closed] !== '') await gate.nft(RULES[closed])
  return { gate, uplink, lan, dmz }
}

async function connects(from: Host, source: string, address: string, port: number): Promise<boolean> {
  const { stdout } = await from.run(['nc', '-N', '-w', '1', '-s', source, address, String(port)], {
    input: 'x\n',
  })
  return stdout.includes('port')
}

for (const closed of ['listening', 'unmatched', 'unaccepted'] as const)
  for (const { family, lanGate, pc, outside, dmz: DMZ, gate: GATE, stranger } of FAMILIES)
    test(`who sticks inside keeps what it sends on to the uplink: ${closed}, ${family}`, async () => {
      await using world = await makeWorld()
      const { gate, uplink, lan } = await router(world, closed)
      using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nhold = "2s"`)
      const daemon = await flypaperd.start()
      const offends = (host: Host, source: string, destination: string) =>
        send(host, { bursts: [[{ source, destination, udp: 7777, from: 5350 }]], wait: 0 })

      await offends(lan, pc(5), lanGate)
      const reaches = async () => [
        await connects(lan, pc(5), outside, 7000),
        await connects(lan, pc(5), lanGate, 22),
        await connects(lan, pc(5), DMZ, 80),
      ]
      assert.deepEqual(await reaches(), [true, false, false], 'held, and locked out')
      assert.deepEqual(await lockoutsOf(daemon, 1), [pc(5)])
      await sleep(2500)
      assert.deepEqual(await reaches(), [true, false, false], 'locked out')
      assert.ok(await connects(lan, pc(6), DMZ, 80), 'his neighbour')

      // What nobody may do outside is nobody's offence here.
      for (let i = 0; i < 3; i++) await connects(lan, pc(6), outside, 7001 + i)
      assert.ok(await connects(lan, pc(6), lanGate, 22))
      assert.deepEqual(lockouts(daemon), [pc(5)])

      // The control: who does the same on the uplink loses all, and whoever uses its name there gets nothing.
      await offends(uplink, stranger, GATE)
      assert.deepEqual(await lockoutsOf(daemon, 2), [pc(5), stranger])
      await sleep(2500)
      assert.equal(await connects(uplink, stranger, GATE, 22), false)
      assert.equal(await connects(uplink, stranger, DMZ, 80), false)
      await gate.nft(`table inet seen {
  chain in {
    type filter hook prerouting priority -440
    iifname "to-uplink" ip saddr ${FAMILIES[0].pc(5)} counter
    iifname "to-uplink" ip6 saddr ${FAMILIES[1].pc(5)} counter
  }
}`)
      const forged = [outside, DMZ, GATE].map(destination => ({ source: pc(5), destination, tcp: 80 }))
      await send(uplink, { bursts: forged.slice(1).map(packet => [packet]) })
      assert.doesNotMatch(await gate.must(['nft', 'list', 'table', 'inet', 'seen']), /packets [1-9]/)
    })

test('a scanner on the LAN: sticks for the router and for what else is inside; the third link is inside too', async () => {
  await using world = await makeWorld()
  const { gate, lan } = await router(world, 'unmatched')
  using flypaperd = install(gate, 'closed = "unmatched"\ncapture = "log"')
  const daemon = await flypaperd.start()
  // From inside to inside, through the router: judged as everybody.
  await send(lan, { bursts: [[{ source: '10.0.0.7', destination: '10.1.0.5', tcp: 81 }]], wait: 0 })
  assert.deepEqual(await lockoutsOf(daemon, 1), ['10.0.0.7'])
  assert.equal(await connects(lan, '10.0.0.7', '10.1.0.5', 80), false)
  assert.ok(await connects(lan, '10.0.0.7', '192.0.2.9', 7000))
  assert.deepEqual(await listed(gate, 'flypaper_inside'), ['10.0.0.0/24', '10.1.0.0/24'])
  assert.deepEqual(await listed(gate, 'flypaper_inside6'), ['2001:db8:10::/64', '2001:db8:11::/64'])
  // By hand a whole prefix is cut off, also from outside.
  await flypaperd.must('lock', '10.0.0.6/31')
  assert.equal(await connects(lan, '10.0.0.6', '192.0.2.9', 7000), false)
  assert.ok(await connects(lan, '10.0.0.5', '192.0.2.9', 7000))
  assert.match(
    (await flypaperd.run('doctor')).stdout,
    /OK +Inside, behind this machine: 10\.0\.0\.0\/24, 10\.1\.0\.0\/24, 2001:db8:10::\/64/,
  )
})

test('what is inside: by the settings, or no link with a gateway and no bridge of guests; followed while it runs', async () => {
  await using world = await makeWorld()
  const { gate, lan } = await router(world, 'listening')
  const inside = async () => [
    ...(await listed(gate, 'flypaper_inside')),
    ...(await listed(gate, 'flypaper_inside6')),
  ]
  // A bridge whose ports are cables of guests, and one with a wire, as of a home router.
  await gate.must([
    'sh',
    '-ec',
    `ip link add guests type bridge
    ip link add guest type veth peer name in-guest
    ip link set guest master guests
    ip link add home type bridge
    ip link add wire type ifb
    ip link set wire master home
    ip address add 172.17.0.1/16 dev guests
    ip address add 192.168.7.1/24 dev home
    for one in guests guest in-guest home wire; do ip link set $one up; done`,
  ])
  using flypaperd = install(gate, 'capture = "log"')
  const daemon = await flypaperd.start()
  const [LAN, DMZ, LAN6, DMZ6] = ['10.0.0.0/24', '10.1.0.0/24', '2001:db8:10::/64', '2001:db8:11::/64']
  assert.deepEqual(await inside(), [LAN, DMZ, '192.168.7.0/24', LAN6, DMZ6])
  const becomes = async (wanted: readonly string[]) => {
    for (let patience = 200; patience > 0 && (await inside()).join() !== wanted.join(); patience--)
      await sleep(50)
    assert.deepEqual(await inside(), wanted)
  }
  // Behind the LAN is another router: who is behind it, the routes do not say.
  await gate.route('10.9.0.0/16', '10.0.0.5')
  await becomes([DMZ, '192.168.7.0/24', DMZ6])
  flypaperd.settings('inside = ["10.0.0.0/24", "10.9.0.0/16"]\ncapture = "log"')
  await flypaperd.must('reload')
  await becomes([LAN, '10.9.0.0/16'])
  await send(lan, { bursts: [[{ source: '10.0.0.6', destination: '10.0.0.1', tcp: 81 }]], wait: 0 })
  assert.deepEqual(await lockoutsOf(daemon, 1), ['10.0.0.6'])
  assert.ok(await connects(lan, '10.0.0.6', '192.0.2.9', 7000))
  flypaperd.settings('inside = []\ncapture = "log"')
  await flypaperd.must('reload')
  await becomes([])
  assert.equal(await connects(lan, '10.0.0.6', '192.0.2.9', 7000), false, 'the control')
})
