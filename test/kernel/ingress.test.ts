/** Who sticks is dropped where a device hands its packets over, before any flowtable; nobody else is, and nothing fails with a device that is not there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { USUAL_GROUND } from '../../src/arm/ruleset/matches.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Outgoing } from '../../src/prove/packets.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const FAMILIES = [
  {
    six: '',
    gate: '192.0.2.1',
    fly: '192.0.2.9',
    nets: '192.0.2.8/30',
    other: '192.0.2.66',
    behind: '10.0.0.5',
    flow: 'tcp . 443 . 40000',
  },
  {
    six: '6',
    gate: '2001:db8:1::1',
    fly: '2001:db8:1::9',
    nets: '2001:db8:1::8/126',
    other: '2001:db8:1::66',
    behind: '2001:db8:10::5',
    flow: 'tcp . 443 . 40000',
  },
] as const
/** Of the link, and nobody's gateway. */
const FLY = '192.0.2.67'
const [SYN, ACK] = [0x02, 0x10]

/** Counts what comes as far as a flowtable would be: from whom is told by the set. */
const flowtable = (devices: string) => `table inet theirs {
  set seen { type ipv4_addr; flags dynamic; size 1000; counter; }
  set seen6 { type ipv6_addr; flags dynamic; size 1000; counter; }
  chain fast {
    type filter hook ingress devices = { ${devices} } priority filter;
    meta l4proto { tcp, udp } update @seen { ip saddr }
    meta l4proto { tcp, udp } update @seen6 { ip6 saddr }
  }
}`

/** How many packets of each source came so far, since it was asked last. */
async function seen(gate: Host, source: string): Promise<number> {
  const set = source.includes(':') ? 'seen6' : 'seen'
  const listing = await gate.must(['nft', 'list', 'set', 'inet', 'theirs', set])
  await gate.nft(`flush set inet theirs ${set}`)
  const escaped = source.replaceAll('.', '\\.')
  return Number(new RegExp(`[ \\t]${escaped} counter packets (\\d+)`).exec(listing)?.[1] ?? 0)
}

async function gateAndFly(world: World) {
  const { gate, outside } = await gateOutsideBehind(world)
  await outside.route('10.0.0.0/24', '192.0.2.1')
  await gate.nft(flowtable('"to-outside"'))
  return { gate, outside }
}

/** Nobody is judged, and hosts stick one by one. */
async function quiet(gate: Host): Promise<void> {
  await put(gate, 'flypaper_grace', 'ipv4', 'ipv6')
  await put(gate, 'flypaper_single6', '2001:db8:1::/64')
}

async function arrive(from: Host, gate: Host, packets: readonly Outgoing[]): Promise<number> {
  await send(from, { bursts: packets.map(one => [one]), wait: 50 })
  return await seen(gate, packets[0]!.source)
}

for (const { six, gate: here, fly, nets, other, behind, flow } of FAMILIES) {
  const family = six === '' ? 'IPv4' : 'IPv6'
  /** What belongs to a connection that has been open, new ones, and datagrams: to the gate, and through it. */
  const all = (source: string): Outgoing[] =>
    [here, behind].flatMap(destination => [
      { source, destination, from: 443, tcp: 40_000, flags: ACK, data: 'x' },
      { source, destination, tcp: 80, flags: SYN },
      { source, destination, from: 443, udp: 40_000, data: 'x' },
    ])
  const late = (source: string) => all(source).slice(3, 4)

  test(`what who sticks sends ends at ingress, and is counted; of nobody else anything does: ${family}`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await gateAndFly(world)
    for (const [devices, expected] of [
      ['', 6],
      ['"to-outside"', 0],
      ['"to-behind"', 6],
    ] as const) {
      await loadTrap(gate, `closed = "listening"\ningress = [${devices}]`)
      await quiet(gate)
      for (const [set, element] of [
        ['flypaper', fly],
        ['flypaper_hold', fly],
        ['flypaper_nets', nets],
      ] as const) {
        const why = `${set}${six}, ingress = [${devices}]`
        assert.equal(await arrive(outside, gate, all(fly)), 6, `${why}: before`)
        await put(gate, `${set}${six}`, element)
        assert.equal(await arrive(outside, gate, all(fly)), expected, why)
        assert.equal(await arrive(outside, gate, all(other)), 6, `${why}: somebody else`)
        const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', `${set}${six}`])
        if (set === 'flypaper')
          assert.match(listing, /counter packets 6 bytes/, `${why}: each is counted once`)
        await gate.nft(`flush set inet filter ${set}${six}`)
      }
      await gate.nft('delete table inet filter')
    }
  })

  test(`what stays reachable stays so: ${family}`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await gateAndFly(world)
    await loadTrap(gate, 'closed = "listening"\ningress = ["to-outside"]\npublic = ["tcp/80"]')
    await quiet(gate)
    await put(gate, `flypaper${six}`, fly)
    assert.equal(await arrive(outside, gate, late(fly)), 0)
    for (const [set, element, expected] of [
      // Its new connections end all the same.
      [`flypaper_peers${six}`, fly, 6],
      [`flypaper_called${six}`, `${fly} . ${flow}`, 4],
    ] as const) {
      await put(gate, set, element)
      assert.equal(await arrive(outside, gate, all(fly)), expected, set)
      await gate.nft(`flush set inet filter ${set}`)
      assert.equal(await arrive(outside, gate, all(fly)), 2, `${set}: the control, but for the public port`)
    }

    await put(gate, `flypaper_by_hand${six}`, fly)
    assert.equal(await arrive(outside, gate, all(fly)), 0, 'by hand')
    await gate.nft(`flush set inet filter flypaper${six}`)
    await put(gate, `flypaper_nets${six}`, nets)
    assert.equal(await arrive(outside, gate, late(fly)), 0)
    await put(gate, `flypaper_never${six}`, fly)
    assert.equal(await arrive(outside, gate, late(fly)), 1, 'the never-list')
  })

  test(`what comes from inside for the outside is left to later chains: ${family}`, async () => {
    await using world = await makeWorld()
    const { gate, behind: inside } = await gateOutsideBehind(world)
    await gate.nft(flowtable('"to-behind"'))
    const settings = parseSettings('closed = "listening"', 'test')
    const ground = { ...USUAL_GROUND, inside: true, uplinks: ['to-outside'], ingress: ['to-behind'] }
    await loadTrap(gate, '', () => rulesetOf(settings, 'log', ground))
    await quiet(gate)
    await put(gate, 'flypaper_single6', '2001:db8:10::/64')
    await put(gate, `flypaper${six}`, behind)
    const out = { source: behind, destination: other, tcp: 40_000, flags: ACK }
    const toUs = { ...out, destination: six === '' ? '10.0.0.1' : '2001:db8:10::1' }
    assert.equal(await arrive(inside, gate, [out, toUs]), 0, 'the control')
    await put(gate, `flypaper_inside${six}`, six === '' ? '10.0.0.0/24' : '2001:db8:10::/64')
    assert.deepEqual([await arrive(inside, gate, [out]), await arrive(inside, gate, [toUs])], [1, 0])
  })

  test(`a frame for somebody else is left alone: ${family}`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await gateAndFly(world)
    await loadTrap(gate, 'closed = "listening"\ningress = ["to-outside"]')
    await quiet(gate)
    await put(gate, `flypaper${six}`, fly)
    assert.equal(await arrive(outside, gate, late(fly)), 0)
    await outside.must(['ip', 'neigh', 'replace', here, 'lladdr', '02:00:00:00:ff:ff', 'dev', 'to-gate'])
    assert.equal(await arrive(outside, gate, late(fly)), 1)
  })
}

test('a device that is missing keeps nothing from being armed, and is taken up when it comes, as often as it does', async () => {
  await using world = await makeWorld()
  const { gate, outside } = await gateAndFly(world)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"\ningress = ["to-outside", "ppp0"]')
  await serve(gate, 'tcp:22')
  const daemon = await flypaperd.start()
  assert.match(daemon.output(), /dropped at ingress of to-outside; not here now: ppp0/)
  await flypaperd.must('lock', FLY, '--for', '1d')
  const arrived = (source: string) => arrive(outside, gate, [{ source, destination: '192.0.2.1', tcp: 22 }])
  const devices = async () => {
    const { stdout } = await gate.run(['nft', 'list', 'chain', 'inet', 'filter', 'flypaper_ingress'])
    return /hook ingress device(?:s = \{ (.*?) \}| "(.*?)")/.exec(stdout)?.slice(1).find(Boolean)
  }
  const becomes = async (expected: string | undefined) => {
    await eventually(`the chain is at ${expected}`, async () => (await devices()) === expected)
    assert.equal((await flypaperd.run('status')).code, 0, expected)
  }
  await flypaperd.must('reload')
  assert.deepEqual([await arrived(FLY), await arrived('192.0.2.66')], [0, 1])
  for (let i = 0; i < 2; i++) {
    await gate.must(['ip', 'link', 'add', 'ppp0', 'type', 'veth', 'peer', 'name', 'far'])
    await becomes('ppp0, to-outside')
    assert.deepEqual([await arrived(FLY), await arrived('192.0.2.66')], [0, 1])
    await gate.must(['ip', 'link', 'delete', 'ppp0'])
    await becomes('to-outside')
  }
  // Another name, and the other one as a second name: neither is what the settings say.
  await gate.must(['ip', 'link', 'add', 'wan0', 'type', 'veth', 'peer', 'name', 'far'])
  await gate.must(['ip', 'link', 'property', 'add', 'dev', 'wan0', 'altname', 'ppp0'])
  await gate.must(['ip', 'link', 'set', 'to-outside', 'down'])
  await gate.must(['ip', 'link', 'set', 'to-outside', 'name', 'lan0'])
  await gate.must(['ip', 'link', 'set', 'lan0', 'up'])
  await becomes(undefined)
  await daemon.says(/nobody is dropped at ingress; not here now: to-outside, ppp0/)
  assert.doesNotMatch(daemon.output(), /has (changed|removed)|armed again|<3>/)
  await daemon.stop()
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /flypaper_ingress/)
})
