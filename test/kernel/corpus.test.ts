/**
 * The corpus of innocents: all that comes unasked and is no scan, in both families and all modes, to a gate that has talked to
 * some of its senders. Nobody sticks, nobody is held, nobody is harmed, and an offender sticks in the same world.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CASES, GATE, GATE6, gateAsks, gateAsksEverybody, whoIsIn } from '../support/corpus.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { BIG_FROM, nobodies, OPEN, toAll, tooBig, ZERO } from '../support/innocents.ts'
import { firewall } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve, speaker } from '../support/server.ts'
import { makeWorld, type World } from '../support/world.ts'

/** The gate's gateway, by which all others come, and which is spared for that; and a neighbour. */
const ROUTER = '192.0.2.9'
const ROUTER6 = '2001:db8:1::9'
const NEIGHBOUR = '192.0.2.30'
const NEIGHBOUR6 = '2001:db8:1::30'
/** Another one, who speaks to everybody and has no connections. */
const CHATTERER = '192.0.2.40'
const CHATTERER6 = '2001:db8:1::40'
/** The other end of a flow of the gate. */
const FAR = { 4: '198.18.250.9', 6: '2001:db8:250::9' } as const

const SERVICES = [
  `tcp dport { ${OPEN.tcp.join(', ')} }`,
  `udp dport { ${OPEN.udp.join(', ')} }`,
  'icmp type echo-request',
  'icmpv6 type { echo-request, mld-listener-query, mld-listener-report, mld2-listener-report }',
]
/** Where no rule jumps to us, late packets and errors are the administrator's own to accept. */
const LATE = ['tcp flags & syn == 0', 'icmp type destination-unreachable', 'icmpv6 type packet-too-big']
const MODES = [
  { closed: 'listening', rules: '' },
  { closed: 'unmatched', rules: firewall(...SERVICES) },
  { closed: 'unaccepted', rules: firewall(...SERVICES, ...LATE) },
]

for (const { closed, rules } of MODES) {
  test(`closed = ${closed}: innocents`, async t => {
    await using world = await makeWorld()
    const { gate, others } = await gateAndOthers(world)
    await serve(
      gate,
      ...OPEN.tcp.map(port => `tcp:${port}` as const),
      ...OPEN.udp.map(port => `udp:${port}` as const),
    )
    if (rules !== '') await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${closed}"`)
    let daemon = await flypaperd.start()

    const server = await speaker(others, 7000)
    const clients = await Promise.all(
      [
        ['-s', NEIGHBOUR, GATE],
        ['-s', NEIGHBOUR6, GATE6],
      ].map(to => others.start(['nc', ...to, '22'])),
    )
    for (const client of clients) await client.says(/^port 22$/)
    const ours = await Promise.all([NEIGHBOUR, NEIGHBOUR6].map(to => gate.start(['nc', to, '7000'])))
    for (const [i, client] of ours.entries()) {
      client.write(`hello ${i}\n`)
      await server.says(new RegExp(`^hello ${i}$`))
    }
    const flows = await gate.start([process.execPath, '-e', FLOWS])
    await flows.says(/^ready$/)
    await gateAsks(gate)

    for (const round of ['', ', after a restart of the daemon']) {
      if (round !== '') {
        await flypaperd.must('stop')
        daemon = await flypaperd.start()
        await gateAsksEverybody(gate)
      }
      await gate.must(['conntrack', '-F'])
      const { answers } = await send(others, { bursts: CASES.map(({ packets }) => packets) })
      const noHosts = [...nobodies({ gate: GATE, six: false }), ...nobodies({ gate: GATE6, six: true })]
      await send(others, { bursts: noHosts.map(packet => [packet]) })
      const chatter = [...toAll(CHATTERER), ...toAll(CHATTERER6)]
      await send(others, { bursts: chatter.map(packet => [packet]), wait: 0 })
      await sleep(500)
      const stuck = await whoIsIn(gate)
      for (const { name, element, answered, source } of CASES) {
        await t.test(`${name}${round}`, () => {
          assert.deepEqual(
            stuck.filter(entry => entry.endsWith(` ${element}`)),
            [],
          )
          if (answered === undefined) return
          const kinds = answers.filter(({ destination }) => destination === source).map(({ kind }) => kind)
          assert.ok(kinds.includes(answered), `answered ${answered}: ${kinds}`)
        })
      }
      await t.test(
        `nobody else sticks either: sources that are no host, broadcast, multicast${round}`,
        () => {
          assert.deepEqual(stuck, [])
          assert.deepEqual(lockouts(daemon), [])
        },
      )
      await t.test(`a packet that was too big is told to a flow that conntrack forgot${round}`, async () => {
        const word = round === '' ? 1400 : 1350
        for (const six of [false, true]) {
          const far = FAR[six ? 6 : 4]
          const source = six ? '2001:db8:251::1' : '198.18.251.1'
          const big = tooBig({ source, gate: six ? GATE6 : GATE, six }, far, word)
          await send(others, { bursts: [[big]], wait: 0 })
          assert.match(await gate.must(['ip', 'route', 'get', far]), new RegExp(`mtu ${word}`))
        }
      })
      await t.test(`connections that conntrack forgot go on, from both sides${round}`, async () => {
        server.write('still here\n')
        for (const client of ours) await client.says(/^still here$/)
        for (const client of clients) {
          client.write('still there\n')
          await client.says(/^still there$/)
        }
      })
      await t.test(`neighbours are found again${round}`, async () => {
        for (const host of [gate, others]) await host.must(['ip', 'neighbour', 'flush', 'all', 'nud', 'all'])
        await others.must(['ping', '-c', '1', '-W', '5', GATE])
        await others.must(['ping', '-6', '-c', '1', '-W', '5', GATE6])
        await gate.must(['ping', '-6', '-c', '1', '-W', '5', NEIGHBOUR6])
      })
    }

    await t.test('an offender sticks in the same world', async () => {
      const offenders = [
        { source: '198.18.252.7', destination: GATE, tcp: 81 },
        { source: '2001:db8:252::7', destination: GATE6, tcp: 81 },
      ]
      await send(others, { bursts: offenders.map(packet => [packet]), wait: 0 })
      assert.deepEqual(await lockoutsOf(daemon, 2), ['198.18.252.7', '2001:db8:252::/64'])
    })
  })
}

/** Flows of the gate, whose packets will be too big. */
const FLOWS = `const flows = ${JSON.stringify(FAR)}
for (const family of [4, 6]) {
  const socket = require('node:dgram').createSocket({ type: 'udp' + family, ipv6Only: family === 6 })
  socket.on('error', () => {}).bind(${BIG_FROM}, () => socket.connect(443, flows[family], () => {
    socket.send('hello')
    if (family === 6) console.log('ready')
  }))
}`

async function gateAndOthers(world: World) {
  const gate = await world.host('gate')
  const others = await world.host('others')
  await world.link(gate, others, {
    a: [`${GATE}/24`, `${GATE6}/64`],
    b: [
      ...[ROUTER, NEIGHBOUR, CHATTERER].map(address => `${address}/24`),
      ...[ROUTER6, NEIGHBOUR6, CHATTERER6].map(address => `${address}/64`),
    ],
  })
  await gate.must(['ip', 'route', 'add', 'default', 'via', ROUTER])
  await gate.must(['ip', '-6', 'route', 'add', 'default', 'via', ROUTER6])
  await others.must(['ip', 'route', 'add', '224.0.0.0/4', 'dev', 'to-gate'])
  // Its kernel knows no way to the sources that it sends for, and says so to whoever answers them.
  await others.nft(`table ip6 mute { chain output { type filter hook output priority 0
    ip6 saddr 2001:db8:1::/64 icmpv6 type destination-unreachable drop
  }\n}`)
  await gate.nft(
    `table ip wire { chain arrive { type filter hook prerouting priority -500\n ip saddr ${ZERO} ip saddr set 0.0.0.0\n}\n}`,
  )
  return { gate, others }
}
