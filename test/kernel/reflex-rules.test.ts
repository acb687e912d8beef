/** Each rule of the early chain, of the end of the way and of the way out, by itself: what it does, and to whom not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put, whoOf } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'

/** One source a rule: what is put where, and who is to be shut out by it. */
const SHUT_OUT = [
  { set: 'flypaper_hold', element: '198.18.0.1', source: '198.18.0.1' },
  { set: 'flypaper', element: '198.18.0.2', source: '198.18.0.2' },
  { set: 'flypaper_nets', element: '198.18.3.0/24', source: '198.18.3.3' },
  { set: 'flypaper_hold6', element: '2001:db8:2:1::', source: '2001:db8:2:1::7' },
  { set: 'flypaper6', element: '2001:db8:2:2::', source: '2001:db8:2:2::7' },
  { set: 'flypaper_hold6', element: '2001:db8:2:3::7', source: '2001:db8:2:3::7' },
  { set: 'flypaper6', element: '2001:db8:2:4::7', source: '2001:db8:2:4::7' },
  { set: 'flypaper_nets6', element: '2001:db8:2:500::/56', source: '2001:db8:2:501::7' },
]
const OTHERS = ['198.18.0.9', '2001:db8:2:9::7']

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: ['192.0.2.1/24', `${GATE6}/64`], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  await serve(gate, 'tcp:22')
  await gate.sysctl('net/ipv4/tcp_synack_retries', 0) // an answer that comes once more would answer the next question
  await loadTrap(gate, '')
  return { world, gate, scanner }
}

/** A TCP packet from each, SYN unless told, to the open port; whom it brought an answer. */
async function answered(scanner: Host, sources: readonly string[], flags = 0x02): Promise<string[]> {
  const bursts = sources.map(source => [
    { source, destination: source.includes(':') ? GATE6 : GATE, tcp: 22, flags },
  ])
  const { answers } = await send(scanner, { bursts })
  return sources.filter(source => answers.some(({ destination }) => destination === source))
}

test('the early chain: held sources and flies do not arrive', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  for (const { set, element } of SHUT_OUT) await put(gate, set, element)
  const all = [...SHUT_OUT.map(({ source }) => source), ...OTHERS]
  assert.deepEqual(await answered(scanner, all), OTHERS)
  assert.deepEqual(await whoOf(gate, all, 'arrived'), OTHERS)
})

test('who is spared: the never-list, own addresses, neighbour discovery, this machine itself', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const spared = [
    { never: 'flypaper_never', source: '198.18.0.11', set: 'flypaper_hold', element: '198.18.0.11' },
    { never: 'flypaper_own', source: '198.18.0.12', set: 'flypaper_hold', element: '198.18.0.12' },
    { never: 'flypaper_never', source: '198.18.13.3', set: 'flypaper_nets', element: '198.18.13.0/24' },
    { never: 'flypaper_never6', source: '2001:db8:2:11::7', set: 'flypaper6', element: '2001:db8:2:11::' },
    { never: 'flypaper_own6', source: '2001:db8:2:12::7', set: 'flypaper6', element: '2001:db8:2:12::' },
  ]
  for (const { never, source, set, element } of spared) {
    await put(gate, set, element)
    await put(gate, never, source)
  }
  const [FLY] = SHUT_OUT.slice(1)
  await put(gate, FLY!.set, FLY!.element)
  await put(gate, 'flypaper6', 'fe80::')
  await put(gate, 'flypaper_hold', '127.0.0.1')
  const sources = [...spared.map(({ source }) => source), FLY!.source, 'fe80::99']
  await answered(scanner, sources)
  assert.deepEqual(
    await whoOf(gate, sources, 'arrived'),
    sources.filter(source => source !== FLY!.source),
  )
  await gate.must(['nc', '-z', '-w', '2', '127.0.0.1', '22'])

  // Of an IPv4 host in flypaper nothing is asked: who must not be there is taken out by the daemon (never-list.test.ts).
  await put(gate, 'flypaper', '198.18.0.11')
  const again = ['198.18.0.11', '198.18.0.12']
  assert.deepEqual(await answered(scanner, again), ['198.18.0.12'])
})

test('the way out alone: no answer to held sources and flies, late resets are held back', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await gate.nft('flush chain inet filter flypaper_early')
  for (const { set, element } of SHUT_OUT) await put(gate, set, element)
  const all = [...SHUT_OUT.map(({ source }) => source), ...OTHERS]
  assert.deepEqual(await answered(scanner, all), OTHERS)
  assert.deepEqual(await whoOf(gate, all, 'passed'), all, 'all were answered, but for the way out')

  const ACK = 0x10
  const late = ['198.18.0.21', '2001:db8:2:21::7']
  assert.deepEqual(await answered(scanner, late, ACK), [])
  assert.deepEqual(await whoOf(gate, late, 'passed'), late)
  await gate.nft('flush chain inet filter flypaper_out')
  const control = ['198.18.0.22', '2001:db8:2:22::7']
  assert.deepEqual(await answered(scanner, control, ACK), control, 'without it the resets go out')
})

test('whom we talk to is remembered: an address, a /64, or a single host', async () => {
  const { world, gate } = await gateAndScanner()
  await using _ = world
  await put(gate, 'flypaper_single6', '2001:db8:2:32::/64')
  const syn = (source: string, destination: string) => [{ source, destination, tcp: 7000 }]
  await send(gate, {
    bursts: [syn(GATE, '192.0.2.9'), syn(GATE6, '2001:db8:2:31::7'), syn(GATE6, '2001:db8:2:32::7')],
  })
  await gate.must(['nc', '-z', '-w', '2', '127.0.0.1', '22'])
  assert.deepEqual(await listed(gate, 'flypaper_peers'), ['192.0.2.9'], 'and not this machine itself')
  assert.deepEqual(await listed(gate, 'flypaper_peers6'), ['2001:db8:2:31::', '2001:db8:2:32::7'])
})

test('what we ask is remembered, whom we ask in a group is not; and only what begins a flow counts', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const [SSDP, SSDP6] = ['239.255.255.250', 'ff05::c']
  await gate.route('224.0.0.0/4', '192.0.2.9')
  await send(gate, {
    bursts: [
      [{ source: GATE, destination: '198.18.0.53', udp: 53, from: 5353 }],
      [{ source: GATE6, destination: '2001:db8:2:53::7', udp: 53, from: 5354 }],
      [{ source: GATE, destination: SSDP, udp: 1900, from: 4001 }],
      [{ source: GATE6, destination: SSDP6, udp: 1900, from: 4002 }],
      [{ source: GATE, destination: '198.18.0.55', tcp: 7000, flags: 0x10 }],
    ],
  })
  assert.deepEqual(await listed(gate, 'flypaper_asked'), ['4001', '4002'])
  assert.deepEqual(await listed(gate, 'flypaper_questions'), ['198.18.0.53 . 53 . 5353'])
  assert.deepEqual(await listed(gate, 'flypaper_questions6'), ['2001:db8:2:53::7 . 53 . 5354'])
  assert.deepEqual(await listed(gate, 'flypaper_peers'), ['198.18.0.53'], 'no group, and no late packet')
  assert.deepEqual(await listed(gate, 'flypaper_peers6'), ['2001:db8:2:53::'])

  await serve(scanner, 'udp:53')
  await gate.start(['sh', '-c', '(echo open; sleep 2; echo more) | timeout 5 nc -u 192.0.2.9 53'])
  await eventually('it has begun', async () => (await listed(gate, 'flypaper_peers')).length === 2)
  await sleep(500)
  await gate.nft('delete element inet filter flypaper_peers { 192.0.2.9 }')
  await sleep(2000)
  assert.deepEqual(await listed(gate, 'flypaper_peers'), ['198.18.0.53'], 'more of it adds nobody')
})

test('who opens a whole connection is known: an address, a /64, or a single host', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const connect = async (to: string) => {
    await scanner.must(['nc', '-z', '-w', '2', to, '22'])
    await sleep(200) // The farewell of the service.
  }
  await answered(scanner, ['198.18.0.41', '2001:db8:2:41::7'])
  await connect(GATE)
  await connect(GATE6)
  assert.deepEqual(await listed(gate, 'flypaper_known'), ['192.0.2.9'])
  assert.deepEqual(await listed(gate, 'flypaper_known6'), ['2001:db8:1::'])
  await put(gate, 'flypaper_single6', '2001:db8:1::/64')
  await connect(GATE6)
  assert.deepEqual(await listed(gate, 'flypaper_known6'), ['2001:db8:1::', '2001:db8:1::9'])
})
