/** Connections that conntrack does not know, or no longer: who hears that one is over, and that no memory which is full ends one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ruleset } from '../../src/arm/ruleset/spec.ts'
import { install } from '../support/daemon.ts'
import { firewall, GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const MODES = ['listening', 'unmatched', 'unaccepted'] as const
const ACK = 0x10
const NOTRACK = `table inet theirs {
  chain prerouting { type filter hook prerouting priority raw; tcp dport { 2200, 2201 } notrack; udp dport 5001 notrack; }
  chain output { type filter hook output priority raw; tcp sport { 2200, 2201 } notrack; udp sport 5001 notrack; }
}`
/** Echoes, and resets its connection when it is told to. */
const SERVICE = `for (const port of [22, 2200, 2201]) require('node:net').createServer(socket => {
  socket.on('error', () => {}).on('data', data => String(data).includes('reset') ? socket.resetAndDestroy() : socket.write(data))
}).listen(port, () => console.log('ready ' + port))`
/** Says what is typed, prints what comes, and how it ended. */
const CLIENT = `const socket = require('node:net').connect(+process.argv[2], process.argv[1])
  .on('connect', () => console.log('connected')).on('error', ({ code }) => console.log(code))
  .on('close', () => console.log('closed'))
socket.on('data', data => console.log('heard ' + data))
process.stdin.on('data', data => socket.write(data))`

async function hosts(closed: string, change?: (ruleset: Ruleset) => Ruleset) {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  const service = await gate.start([process.execPath, '-e', SERVICE])
  for (const port of [22, 2200, 2201]) await service.says(new RegExp(`ready ${port}`))
  await serve(gate, 'udp:5000', 'udp:5001')
  if (closed === 'unmatched')
    await gate.nft(firewall('tcp dport { 22, 2200, 2201 }', 'udp dport { 5000, 5001 }'))
  await gate.nft(NOTRACK)
  const arm = () => loadTrap(gate, `closed = "${closed}"`, change)
  return { world, gate, scanner, arm }
}

async function connect(from: Host, address: string, port: number) {
  const client = await from.start([process.execPath, '-e', CLIENT, address, String(port)])
  await client.says(/connected/)
  return client
}

/** Of these sources, who is answered with what. */
async function answersTo(scanner: Host, packets: Parameters<typeof send>[1]['bursts'][number]) {
  const { answers } = await send(scanner, { bursts: packets.map(packet => [packet]) })
  return packets.map(
    ({ source }) => answers.find(({ destination }) => destination === source)?.kind ?? 'nothing',
  )
}

for (const closed of MODES) {
  test(`${closed}: the reset of a living connection is heard, also where nobody tracks it, or conntrack was flushed`, async () => {
    const { world, gate, scanner, arm } = await hosts(closed)
    await using _ = world
    for (const address of [GATE, GATE6]) {
      const clients = [await connect(scanner, address, 2200), await connect(scanner, address, 22)]
      await arm()
      await gate.must(['conntrack', '-F'])
      for (const client of clients) {
        client.write('one\n')
        await client.says(/heard one/)
        client.write('reset\n')
        await client.says(/ECONNRESET/)
      }
      await gate.must(['nft', 'delete', 'table', 'inet', 'watch'])
    }
  })

  test(`${closed}: who hears that there is no connection any more: never-listed, own and known hosts, at open ports; strangers hear nothing`, async () => {
    const { world, gate, scanner, arm } = await hosts(closed)
    await using _ = world
    await arm()
    const families = [
      { destination: GATE, six: '', of: (n: number) => `198.18.0.${n}`, known: '198.18.0.3' },
      { destination: GATE6, six: '6', of: (n: number) => `2001:db8:2:${n}::7`, known: '2001:db8:2:3::' },
    ]
    for (const { destination, six, of, known } of families) {
      await put(gate, `flypaper_never${six}`, of(1))
      await put(gate, `flypaper_own${six}`, of(2))
      await put(gate, `flypaper_known${six}`, known)
      for (const tcp of [22, 2200])
        assert.deepEqual(
          await answersTo(
            scanner,
            [1, 2, 3, 4].map(n => ({ source: of(n), destination, tcp, flags: ACK, from: 3000 + tcp })),
          ),
          ['rst', 'rst', 'rst', 'nothing'],
        )
      // The twin: what a known client learns by ACK. Closed ports are silent, and each is told once.
      const scan = [23, 24].map(tcp => ({ source: of(3), destination, tcp, flags: ACK }))
      assert.deepEqual(await answersTo(scanner, scan), ['nothing', 'nothing'])
      const tried = (await listed(gate, `flypaper_tried_late${six}`)).filter(one => one.startsWith(known))
      if (closed !== 'unmatched') assert.equal(tried.length, 2)
      // The control: without the way out all would hear it.
      assert.equal((await listed(gate, `flypaper_hold${six}`)).length, 0)
    }
    await gate.nft('flush chain inet filter flypaper_out')
    assert.deepEqual(
      await answersTo(scanner, [{ source: '198.18.0.5', destination: GATE, tcp: 22, flags: ACK }]),
      ['rst'],
    )
  })

  test(`${closed}: what a socket would take is not lost, however full the memories are, tracked or not`, async () => {
    const { world, gate, scanner, arm } = await hosts(closed, full)
    await using _ = world
    const clients = []
    for (const address of [GATE, GATE6])
      for (const port of [22, 2200]) clients.push(await connect(scanner, address, port))
    await arm()
    await gate.must(['conntrack', '-F'])
    const { sets } = full(await rulesetNow(closed))
    const filled = sets.filter(({ size, flags }) => size === 1 && flags?.includes('dynamic'))
    assert.ok(filled.length > 20)
    for (const { name, type } of filled) await put(gate, name, elementOf(type))

    for (const [destination, of] of [
      [GATE, (n: number) => `198.18.1.${n}`],
      [GATE6, (n: number) => `2001:db8:2:${n}::7`],
    ] as const)
      assert.deepEqual(
        await answersTo(scanner, [
          { source: of(41), destination, tcp: 22 },
          { source: of(42), destination, tcp: 2200 },
          { source: of(43), destination, udp: 5000, data: 'x' },
          { source: of(44), destination, udp: 5001, data: 'x' },
          { source: of(45), destination, tcp: 81 }, // the control
        ]),
        ['syn-ack', 'syn-ack', 'udp', 'udp', 'nothing'],
      )
    for (const client of clients) {
      client.write('word\n')
      await client.says(/heard word/)
    }
  })
}

async function rulesetNow(closed: string): Promise<Ruleset> {
  const { rulesetOf } = await import('../../src/arm/ruleset/ruleset.ts')
  const { parseSettings } = await import('../../src/settings/load.ts')
  return rulesetOf(parseSettings(`closed = "${closed}"`, 'test'), 'log')
}

/** Each memory that packets fill has one place. */
function full(ruleset: Ruleset): Ruleset {
  const sets = ruleset.sets.map(set => (set.flags?.includes('dynamic') ? { ...set, size: 1 } : set))
  return { ...ruleset, sets }
}

const PARTS: Readonly<Record<string, string>> = {
  ifname: 'lo',
  ipv4_addr: '203.0.113.1',
  ipv6_addr: '2001:db8:ffff::1',
  inet_service: '1',
  inet_proto: 'tcp',
  nf_proto: 'ipv4',
}

function elementOf(type: string): string {
  return type
    .split(' . ')
    .map(part => PARTS[part])
    .join(' . ')
}

test('an old client of before a stop hears that his connection is gone; a stranger does not', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16')
  await scanner.must(['ip', 'address', 'add', '198.18.0.3/32', 'dev', 'lo'])
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await scanner.must(['nc', '-N', '-w', '2', '-s', '198.18.0.3', GATE, '22'], { input: 'x\n' })
  await sleep(300)
  await flypaperd.must('stop')
  await daemon.ended
  // As after a reboot: nothing is left but what was written down.
  await gate.run(['nft', 'delete', 'table', 'inet', 'filter'])
  await gate.must(['conntrack', '-F'])
  await flypaperd.start()
  const old = ['198.18.0.3', '198.18.0.4'].map(source => ({ source, destination: GATE, tcp: 22, flags: ACK }))
  assert.deepEqual(await answersTo(scanner, old), ['rst', 'nothing'])
})
