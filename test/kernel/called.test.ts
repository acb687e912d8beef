/** A new connection of ours to whoever sticks gets through, as that one flow: it neither frees nor spares him. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { install, lockoutsOf } from '../support/daemon.ts'
import { firewall, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { BEHIND, hosts } from '../support/silence.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const FAMILIES = [
  { six: '', gate: '192.0.2.1', fly: '192.0.2.9', nets: '192.0.2.8/30' },
  { six: '6', gate: '2001:db8:1::1', fly: '2001:db8:1::9', nets: '2001:db8:1::8/126' },
] as const
const [SYN, ACK] = [0x02, 0x10]
let port = 40_000

/** Services on both ends; the fly is a host of the gate's link, and serves what the gate calls. */
async function gateAndFly(world: World, toml: string) {
  const { gate, scanner: fly } = await gateAndScanner(world, '2001:db8:2::/64')
  if (toml.includes('unmatched'))
    await gate.nft(
      firewall('icmp type echo-request', 'icmpv6 type echo-request', 'tcp dport 22', 'udp dport 9000'),
    )
  await loadTrap(gate, toml)
  await put(gate, 'flypaper_single6', '2001:db8:1::/64')
  await serve(gate, 'tcp:22', 'udp:9000')
  await serve(fly, 'tcp:7000', 'udp:7001')
  return { gate, fly }
}

const canOpen = async (from: Host, to: string, port: number) =>
  (await from.run(['nc', '-z', '-w', '1', to, String(port)])).code === 0

/** A connection that stays open: what is written comes back. */
async function call(from: Host, ...args: readonly string[]) {
  const connection = await from.start(['nc', ...args])
  return {
    async echoes(text: string) {
      connection.write(`${text}\n`)
      await connection.says(new RegExp(`^${text}$`), 3000)
    },
    end: () => connection.stop('SIGKILL'),
  }
}

for (const toml of ['closed = "listening"', 'closed = "unmatched"']) {
  test(`${toml}: we open what we like, and whoever sticks opens nothing`, async () => {
    await using world = await makeWorld()
    const { gate, fly } = await gateAndFly(world, toml)
    for (const { six, gate: here, fly: there, nets } of FAMILIES)
      for (const [set, element] of [
        ['flypaper', there],
        ['flypaper_hold', there],
        ['flypaper_nets', nets],
      ] as const) {
        const why = `${set}${six}`
        assert.ok(await canOpen(fly, here, 22), `${why}: before`)
        await put(gate, `${set}${six}`, element)
        port += 1
        assert.equal(await canOpen(fly, here, 22), false, `${why}: it opens nothing`)

        const [tcp, udp] = [
          await call(gate, '-p', String(port), there, '7000'),
          await call(gate, '-u', '-p', String(port), there, '7001'),
        ]
        await tcp.echoes('by TCP')
        await udp.echoes('by UDP')
        await udp.echoes('in fragments '.padEnd(3000, 'x'))
        await gate.must(['ping', '-c', '1', '-W', '1', there])

        assert.deepEqual(await listed(gate, `${set}${six}`), [element])
        // The flow turned round: from the port that we called, and to the port that we called from.
        const ends = { source: there, destination: here }
        const tries: Outgoing[] = [
          ...[22, port].map(tcp => ({ ...ends, from: 7000, tcp, flags: SYN })),
          { ...ends, tcp: 22, flags: SYN },
          { ...ends, icmp: six ? 128 : 8 },
          { ...ends, from: 7000, tcp: 22, flags: ACK },
          { ...ends, from: 7001, udp: 9000, data: 'hello' },
          { ...ends, from: 7001, udp: 9001, data: 'hello' },
          { ...ends, from: 7002, udp: port, data: 'hello' },
        ]
        await gate.nft('flush chain inet filter flypaper_to_stuck') // What goes out shall not hide what came in.
        const { answers } = await send(fly, { bursts: tries.map(one => [one]) })
        assert.deepEqual(answers, [], why)
        await loadTrap(gate, toml)
        await tcp.echoes('still')
        for (const one of [tcp, udp]) await one.end()
        await gate.nft(`flush set inet filter ${set}${six}; flush set inet filter flypaper_called${six}`)
        assert.ok(await canOpen(fly, here, 22), `${why}: freed, all is as before`)
      }
  })
}

test('a later fragment of whom we talk to passes, also one that reads as a SYN', async () => {
  await using world = await makeWorld()
  const { gate, fly } = await gateAndFly(world, 'closed = "listening"')
  const ends = { source: '192.0.2.9', destination: '192.0.2.1' }
  await put(gate, 'flypaper', ends.source)
  await gate.nft(`table inet fragments {
  chain arrived {
    type filter hook prerouting priority -440
    ip frag-off & 0x1fff != 0 counter
    ip saddr 192.0.2.9 ip frag-off & 0x1fff == 0 counter
  }
}`)
  const arrived = async () => {
    const rules = await gate.must(['nft', 'list', 'table', 'inet', 'fragments'])
    return [...rules.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets))
  }
  const asSyn = { ...ends, tcp: 22, flags: SYN }
  const tries = [[asSyn], [{ ...asSyn, offset: 1480 }]]
  await send(fly, { bursts: tries })
  assert.deepEqual(await arrived(), [0, 0], 'of nobody to whom we talk')
  await put(gate, 'flypaper_peers', ends.source)
  await send(fly, { bursts: tries })
  assert.deepEqual(await arrived(), [1, 0])
})

test('who is behind us calls as well, by whatever port it leaves', async () => {
  await using world = await makeWorld()
  const { gate, sender: fly, behind } = await hosts(world)
  await loadTrap(gate, 'closed = "listening"')
  await gate.nft(`table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr 10.0.0.0/24 meta l4proto { tcp, udp } snat ip to 192.0.2.1:50000-50009
    ip6 saddr 2001:db8:10::/64 meta l4proto { tcp, udp } snat ip6 to [2001:db8:1::1]:50000-50009
  }
}`)
  await serve(fly, 'tcp:7000', 'udp:7001')
  await serve(behind, 'tcp:22')
  await put(gate, 'flypaper', '192.0.2.9')
  await put(gate, 'flypaper6', '2001:db8:1::')
  for (const [i, there] of ['192.0.2.9', '2001:db8:1::9'].entries()) {
    const tcp = await call(behind, there, '7000')
    await tcp.echoes('by TCP')
    await (await call(behind, '-u', there, '7001')).echoes('by UDP')
    assert.equal(await canOpen(fly, BEHIND[i]!, 22), false)
    const called = await listed(gate, i === 0 ? 'flypaper_called' : 'flypaper_called6')
    assert.match(called.join('\n'), /tcp \. 7000 \. 5000\d/)
  }
})

test('what we had opened before it stuck lives on, what it had opened does not', async () => {
  await using world = await makeWorld()
  const { gate, fly } = await gateAndFly(world, 'closed = "listening"')
  for (const { six, gate: here, fly: there } of FAMILIES) {
    const ours = await call(gate, there, '7000')
    const its = await call(fly, here, '22')
    await ours.echoes('before')
    await its.echoes('before')
    await put(gate, `flypaper${six}`, there)
    await ours.echoes('after')
    await assert.rejects(its.echoes('after'))
  }
})

test('a callout frees nobody: the daemon keeps whom it called', async () => {
  await using world = await makeWorld()
  const { gate, scanner: fly } = await gateAndScanner(world, '2001:db8:2::/64')
  await fly.must(['ip', 'address', 'add', '192.0.2.8/24', 'dev', 'to-gate'])
  await fly.must(['ip', 'address', 'add', '2001:db8:1::8/64', 'dev', 'to-gate', 'nodad'])
  await serve(gate, 'tcp:22')
  await serve(fly, 'tcp:7000')
  using flypaperd = install(gate, 'hold = "2s"')
  const daemon = await flypaperd.start()
  const sources = ['192.0.2.8', '2001:db8:1::8']
  const offences = sources.map((source, i) => ({ source, destination: FAMILIES[i]!.gate, tcp: 81 }))
  await send(fly, { bursts: offences.map(one => [one]) })
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), sources)
  const open = () =>
    Promise.all(
      sources.map(
        async (source, i) =>
          (await fly.run(['nc', '-z', '-w', '1', '-s', source, FAMILIES[i]!.gate, '22'])).code === 0,
      ),
    )
  assert.deepEqual(await open(), [false, false])
  for (const source of sources) await (await call(gate, source, '7000')).echoes('webhook')
  await new Promise(resolve => setTimeout(resolve, 3000)) // The hold is over: only the lockout is left.
  assert.deepEqual(await open(), [false, false])
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(flies.map(({ source }) => source).sort(), sources)
  await flypaperd.must('free', ...sources)
  assert.deepEqual(await open(), [true, true])
})

test('a host that we call seldom: one forged SYN in its name a day locks it out, and our next call to it gets through', async () => {
  await using world = await makeWorld()
  const { gate, scanner: mirror } = await gateAndScanner(world, '2001:db8:2::/64')
  await mirror.must(['ip', 'address', 'add', '192.0.2.8/24', 'dev', 'to-gate'])
  await mirror.must(['ip', 'address', 'add', '2001:db8:1::8/64', 'dev', 'to-gate', 'nodad'])
  await serve(gate, 'tcp:22')
  await serve(mirror, 'tcp:7000')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const forge = () =>
    send(mirror, {
      bursts: FAMILIES.map(({ gate: destination, fly }) => [
        { source: fly.replace(/9$/, '8'), destination, tcp: 81 },
      ]),
    })
  assert.deepEqual((await forge()).answers, [])
  assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), ['192.0.2.8', '2001:db8:1::8'])
  for (const { gate: here, fly } of FAMILIES) {
    const there = fly.replace(/9$/, '8')
    await (await call(gate, there, '7000')).echoes('a call')
    const back = await mirror.run(['nc', '-z', '-w', '1', '-s', there, here, '22'])
    assert.notEqual(back.code, 0, 'the control: it has stuck, and opens nothing')
  }
  const log = daemon.output().length
  await forge()
  for (const { fly } of FAMILIES) await (await call(gate, fly.replace(/9$/, '8'), '7000')).echoes('again')
  assert.equal(daemon.output().slice(log), '', 'the next day: nothing new')
})
