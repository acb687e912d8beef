/**
 * Whatever routes and connections there are: gateways are never judged and connected clients are known, however many there are beside them,
 * and in whichever table they stand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
const CLIENT = '192.0.2.8'
const STRANGER = '192.0.2.77'
const ROUTES = 9000
const CONNECTIONS = 7500

async function gateAndOthers(world: Awaited<ReturnType<typeof makeWorld>>) {
  const [gate, others] = (await Promise.all(['gate', 'others'].map(name => world.host(name)))) as [Host, Host]
  await world.link(gate, others, {
    a: [`${GATE}/24`, `${GATE6}/64`],
    b: ['192.0.2.9/24', `${CLIENT}/24`, '2001:db8:1::9/64'],
  })
  return { gate, others }
}

/** A SYN to a closed port, from each of these. */
async function tryClosed(others: Host, ...sources: readonly string[]): Promise<void> {
  const bursts = sources.map(source => [
    { source, destination: source.includes(':') ? GATE6 : GATE, tcp: 20_000 },
  ])
  await send(others, { bursts, wait: 0 })
}

/** The control: a stranger who does the same sticks, and nobody else. */
async function onlySticks(daemon: Running, others: Host, stranger: string): Promise<void> {
  await tryClosed(others, stranger)
  await daemon.says(new RegExp(`lockout ${stranger},`))
  assert.deepEqual(lockouts(daemon), [stranger])
}

test('with thousands of routes the gateway is near, and with thousands of connections a client is known', async () => {
  await using world = await makeWorld()
  const { gate, others } = await gateAndOthers(world)
  await gate.route('default', '192.0.2.254')
  const routes = Array.from(
    { length: ROUTES },
    (_, i) => `route add 10.${i >> 8}.${i & 255}.0/24 via 192.0.2.9`,
  )
  await gate.must(['ip', '-batch', '-'], { input: `${routes.join('\n')}\n` })
  await serve(gate, 'tcp:22')
  const crowd = await gate.start([
    'sh',
    '-c',
    `ulimit -n ${2 * CONNECTIONS + 100} && exec "$0" -e '${CROWD}'`,
    process.execPath,
  ])
  await crowd.says(/connected/)
  const client = await others.start(['nc', '-s', CLIENT, GATE, '22'])
  await client.says(/port 22/)
  const size = async (path: string) => (await gate.must(['cat', path])).length
  assert.ok((await size('/proc/net/route')) > 1024 * 1024 && (await size('/proc/net/tcp')) > 1024 * 1024)

  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await tryClosed(others, '192.0.2.254', CLIENT)
  await onlySticks(daemon, others, STRANGER)
  const { spared, kernel } = JSON.parse(await flypaperd.must('status', '--json')).daemon.counts
  assert.deepEqual([kernel.near, spared.known], [1, 1])
})

/** Opens connections of this machine to itself, each of which is two sockets, and keeps them. */
const CROWD = `
  const net = require("net")
  const all = []
  let count = 0
  net.createServer(socket => all.push(socket)).listen(1, "127.0.0.1", 511, next)
  function next() {
    if (count++ === ${CONNECTIONS / 2}) return console.log("connected")
    all.push(net.connect({ port: 1, host: "127.0.0.1" }).on("connect", next))
  }
`

const TABLES = [
  'ip route add default via 192.0.2.101 table 100',
  'ip rule add from 10.0.0.0/8 lookup 100',
  'ip route add 10.1.0.0/16 nexthop via 192.0.2.102 nexthop via 192.0.2.103',
  'ip nexthop add id 1 via 192.0.2.104 dev to-others',
  'ip nexthop add id 2 via 192.0.2.105 dev to-others',
  'ip nexthop add id 3 group 1/2',
  'ip route add 10.2.0.0/16 nhid 3 table 200',
  'ip route add 10.3.0.0/16 via inet6 2001:db8:1::106',
  'ip -6 route add default via 2001:db8:1::107 table 100',
  'ip -6 route add 2001:db8:3::/48 nexthop via 2001:db8:1::108 nexthop via 2001:db8:1::109',
  // Who is named here is no gateway.
  `ip route add blackhole ${STRANGER}`,
]
const GATEWAYS = [
  ...['101', '102', '103', '104', '105'].map(last => `192.0.2.${last}`),
  ...['106', '107', '108', '109'].map(last => `2001:db8:1::${last}`),
]

test('gateways of all tables, of multipath routes and of nexthop objects are near', async () => {
  await using world = await makeWorld()
  const { gate, others } = await gateAndOthers(world)
  // Routes do not show what their objects are, where nothing else is left that needs it.
  await gate.sysctl('net/ipv4/nexthop_compat_mode', 0)
  await gate.must(['sh', '-ec', TABLES.join('\n')])
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await tryClosed(others, ...GATEWAYS)
  await onlySticks(daemon, others, '192.0.2.78')

  // What changes afterwards is followed.
  await gate.must(['ip', 'nexthop', 'replace', 'id', '1', 'via', '192.0.2.110', 'dev', 'to-others'])
  const own = () => gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_own'])
  for (let patience = 200; patience > 0 && !(await own()).includes('192.0.2.110'); patience--) await sleep(50)
  await tryClosed(others, '192.0.2.110', '192.0.2.104')
  assert.deepEqual(await lockoutsOf(daemon, 2), ['192.0.2.78', '192.0.2.104'], 'the old one is near no more')
})

/** Port 8081 is published, and then refused. */
const ROUTER = `
table inet theirs {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    oifname "to-behind" tcp dport 80 accept
  }
}
table ip theirnat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "to-others" tcp dport 8081 dnat to 10.0.0.5:81
  }
}`

test('what is forwarded is watched where the default route stands in another table; without one status and doctor say so', async () => {
  await using world = await makeWorld()
  const { gate, others } = await gateAndOthers(world)
  const behind = await world.host('behind')
  await world.link(gate, behind, { a: ['10.0.0.1/24'], b: ['10.0.0.5/24'] })
  await gate.forward()
  await behind.route('default', '10.0.0.1')
  await gate.must([
    'sh',
    '-ec',
    'ip rule add from 10.0.0.0/24 lookup 100\nip route add unreachable default metric 9999',
  ])
  await gate.nft(ROUTER)
  using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
  const daemon = await flypaperd.start()
  const refused = (source: string) =>
    send(others, { bursts: [[{ source, destination: GATE, tcp: 8081 }]], wait: 0 })

  const without = await flypaperd.run('status')
  assert.equal(without.code, 1)
  assert.match(
    without.stdout,
    /into forward: +Missing \(there is no default route: nothing forwarded is watched\)/,
  )
  assert.match((await flypaperd.run('doctor')).stdout, /no routing table has a default route/)
  await refused('198.51.100.1')

  await gate.must(['ip', 'route', 'add', 'default', 'via', '192.0.2.9', 'table', '100'])
  const isWatched = async () => (await flypaperd.run('status')).code === 0
  for (let patience = 100; patience > 0 && !(await isWatched()); patience--) await sleep(50)
  assert.match((await flypaperd.run('status')).stdout, /into forward: +OK \(closed is what nobody accepts\)/)
  assert.doesNotMatch((await flypaperd.run('doctor')).stdout, /no routing table/)
  await refused('198.51.100.2')
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.2'])
})
