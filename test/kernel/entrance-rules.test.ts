/** Each rule of the entrances by itself: who is brought before the judge, and what becomes of the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Carries } from '../../src/prove/packets.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put, whoOf } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
const ACK = 0x10

/** What makes a source exempt, and a source that nothing but this makes so. */
const EXEMPT = [
  { set: 'flypaper_never', element: '198.18.0.1', source: '198.18.0.1' },
  { set: 'flypaper_own', element: '198.18.0.2', source: '198.18.0.2' },
  { set: 'flypaper_never6', element: '2001:db8:2:1::7', source: '2001:db8:2:1::7' },
  { set: 'flypaper_own6', element: '2001:db8:2:2::7', source: '2001:db8:2:2::7' },
]
const NO_HOSTS = ['169.254.9.9', '4000::9']

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: [`${GATE}/24`, `${GATE6}/64`], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  await serve(gate, 'tcp:22', 'udp:53')
  return { world, gate, scanner }
}

/** One packet of each source; resolves to the kind of answer that each got. */
async function ask(scanner: Host, sources: readonly string[], carries: Carries, to?: string) {
  const bursts = sources.map(source => [
    { source, destination: to ?? (source.includes(':') ? GATE6 : GATE), ...carries },
  ])
  const { answers } = await send(scanner, { bursts })
  return sources.map(source => answers.find(({ destination }) => destination === source)?.kind)
}

async function held(gate: Host): Promise<string[]> {
  return [...(await listed(gate, 'flypaper_hold')), ...(await listed(gate, 'flypaper_hold6'))]
}

test('whoever is exempt is refused as without us; everybody else comes before the judge', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  for (const { set, element } of EXEMPT) await put(gate, set, element)
  const sources = EXEMPT.map(({ source }) => source)
  assert.deepEqual(
    await ask(scanner, sources, { tcp: 81 }),
    sources.map(() => 'rst'),
  )
  // Who is no host is not judged, but what it opens ends there; whatever else it says goes on.
  await ask(scanner, NO_HOSTS, { tcp: 81 })
  assert.deepEqual(await whoOf(gate, NO_HOSTS, 'passed'), [])
  await ask(scanner, NO_HOSTS, { protocol: 200, data: 'x' })
  assert.deepEqual(await whoOf(gate, NO_HOSTS, 'passed'), NO_HOSTS)
  assert.match((await gate.run(['nc', '-zv', '-w', '2', GATE, '81'])).stderr, /refused/, 'ourselves')

  await put(gate, 'flypaper_grace', 'ipv4', 'ipv6')
  const late = ['198.18.0.3', '2001:db8:2:3::7']
  assert.deepEqual(await ask(scanner, late, { tcp: 81 }), ['rst', 'rst'])
  await gate.nft('flush set inet filter flypaper_grace')
  assert.deepEqual(await held(gate), [])
  assert.deepEqual(await ask(scanner, late, { tcp: 81 }), [undefined, undefined])
  assert.deepEqual(await held(gate), ['198.18.0.3', '2001:db8:2:3::'])
})

test('the noise of the neighbourhood is not judged, whether its MAC or its IP address says so', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  await scanner.must(['ip', 'route', 'add', '224.0.0.0/4', 'dev', 'to-gate'])
  const noise = '198.18.0.11'
  const noise6 = '2001:db8:2:11::7'
  await ask(scanner, [noise], { udp: 9999 }, '224.0.0.1')
  await ask(scanner, [noise6], { udp: 9999 }, 'ff02::1')
  assert.deepEqual(await whoOf(gate, [noise, noise6], 'passed'), [noise, noise6])
  const broadcast = `const socket = require('node:dgram').createSocket('udp4').bind(0, () => {
    socket.setBroadcast(true)
    socket.send('?', 9999, '192.0.2.255', () => socket.close())
  })`
  await scanner.must([process.execPath, '-e', broadcast])
  assert.deepEqual(await whoOf(gate, ['192.0.2.9'], 'passed'), ['192.0.2.9'])
  assert.deepEqual(await held(gate), [])
})

test('an answer to what we asked is no offence, also when nobody waits for it any more', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  const [here, there] = [GATE, '198.18.0.21']
  await send(gate, { bursts: [[{ source: here, destination: there, udp: 7777, from: 5555 }]] })
  assert.deepEqual(await ask(scanner, [there], { udp: 5555, from: 7777 }), ['icmp'])
})

test('where somebody listens, or listened lately, nothing is closed', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  const sources = ['198.18.0.31', '2001:db8:2:31::7']
  assert.deepEqual(await ask(scanner, sources, { tcp: 22 }), ['syn-ack', 'syn-ack'])
  assert.deepEqual(await ask(scanner, sources, { udp: 53, data: 'echo' }), ['udp', 'udp'])
  assert.deepEqual(await listed(gate, 'flypaper_served'), ['tcp . 22', 'udp . 53'])
  await put(gate, 'flypaper_served', 'tcp . 8081', 'udp . 8081')
  // Others, since those above get their SYN+ACK again after a second.
  const others = ['198.18.0.32', '2001:db8:2:32::7']
  assert.deepEqual(await ask(scanner, others, { tcp: 8081 }), ['rst', 'rst'])
  assert.deepEqual(await ask(scanner, others, { udp: 8081 }), ['icmp', 'icmp'])
  assert.deepEqual(await held(gate), [])

  // A client that leaves: its port was open, whatever became of the service.
  const client = await scanner.start(['nc', GATE, '22'])
  await client.says(/port 22/)
  await gate.nft('flush set inet filter flypaper_served')
  await client.stop('SIGKILL')
  await ask(scanner, sources, { tcp: 81 })
  assert.deepEqual(await listed(gate, 'flypaper_served'), ['tcp . 22'])
})

test('who is pending opens nothing, by whatever name he is: nothing else is asked', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  await put(gate, 'flypaper_pending', '198.18.0.35')
  await put(gate, 'flypaper_pending6', '2001:db8:2:35::', '2001:db8:2:36::7')
  const pending = ['198.18.0.35', '2001:db8:2:35::7', '2001:db8:2:36::7']
  const others = ['198.18.0.37', '2001:db8:2:37::7']
  assert.deepEqual(await ask(scanner, [...pending, ...others], { tcp: 22 }), [
    ...pending.map(() => undefined),
    ...others.map(() => 'syn-ack'),
  ])
})

test('late packets go on to a socket, or where one was lately, and nowhere else', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, '')
  await put(gate, 'flypaper_served', 'tcp . 8081')
  const pairs = [41, 42, 43].map(i => [`198.18.0.${i}`, `2001:db8:2:${i}::7`])
  const [toSocket, toServed, toNobody] = pairs as [string[], string[], string[]]
  assert.deepEqual(await ask(scanner, toSocket, { tcp: 22, flags: ACK }), [undefined, undefined])
  assert.deepEqual(await ask(scanner, toServed, { tcp: 8081, flags: ACK }), [undefined, undefined])
  assert.deepEqual(await ask(scanner, toNobody, { tcp: 81, flags: ACK }), [undefined, undefined])
  assert.deepEqual(await whoOf(gate, pairs.flat(), 'passed'), [...toSocket, ...toServed])
  assert.deepEqual(await held(gate), [])
})

/** The administrator's chains, which jump to ours. */
const FIREWALL = `table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    jump flypaper_input
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    jump flypaper_forward
  }
}`

test('unmatched: late packets and ICMP errors pass, offences are held, coming in or going through', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await loadTrap(gate, 'closed = "unmatched"')
  await gate.nft(FIREWALL)
  await gate.forward()
  await scanner.route('198.18.200.0/24', GATE)
  const pairs = [51, 52].map(i => [`198.18.0.${i}`, `2001:db8:2:${i}::7`])
  const [late, errors] = pairs as [string[], string[]]
  await ask(scanner, late, { tcp: 22, flags: ACK })
  await ask(scanner, [errors[0]!], { icmp: 3, code: 1 })
  await ask(scanner, [errors[1]!], { icmp: 1 })
  assert.deepEqual(await whoOf(gate, pairs.flat(), 'passed'), pairs.flat())
  assert.deepEqual(await held(gate), [])
  await ask(scanner, ['198.18.0.53'], { tcp: 81 })
  assert.deepEqual(await held(gate), ['198.18.0.53'])
  await ask(scanner, ['198.18.0.55'], { tcp: 22, flags: ACK }, '198.18.200.1')
  assert.deepEqual(
    await whoOf(gate, ['198.18.0.55', '198.18.0.53'], 'passed'),
    ['198.18.0.55'],
    'his rules decide',
  )
  await ask(scanner, ['198.18.0.54'], { tcp: 81 }, '198.18.200.1')
  assert.deepEqual(await held(gate), ['198.18.0.53', '198.18.0.54'])
})
