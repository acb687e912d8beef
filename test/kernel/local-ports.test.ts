/** Our own upstream closes its connections late, on a machine whose range of local ports is not that of the kernel: nobody is locked out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const UPSTREAM = '198.51.100.9'
const CONNECTIONS = 8
const RANGES = ['32768 60999', '10240 32000', '1024 65535']
const ACK = 0x10

/** Says goodbye when it sees the end of the client, as TLS does with close_notify, then ends. */
const SERVER = `require("net").createServer({ allowHalfOpen: true }, socket => {
  socket.on("error", () => {}).on("data", () => {}).on("end", () => socket.end(Buffer.alloc(53)))
  socket.write("hello")
}).listen(5432, "${UPSTREAM}", () => console.log("ready"))`
/** Ends like a program that exits: what comes later is answered by RST. */
const CLIENT = `let count = 0
for (let i = 0; i < ${CONNECTIONS}; i++)
  require("net").connect(5432, "${UPSTREAM}").on("data", () => { if (++count === ${CONNECTIONS}) console.log("connected") })
process.stdin.on("data", () => process.exit())`

async function gateAndUpstream(world: Awaited<ReturnType<typeof makeWorld>>) {
  const [gate, others] = (await Promise.all(['gate', 'others'].map(name => world.host(name)))) as [Host, Host]
  await world.link(gate, others, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await others.must(['ip', 'address', 'add', `${UPSTREAM}/32`, 'dev', 'lo'])
  await gate.route('198.51.100.0/24', '192.0.2.9')
  const server = await others.start([process.execPath, '-e', SERVER])
  await server.says(/ready/)
  // As on a long wire: it says all of its goodbye before it hears that nobody is there any more.
  await others.nft(
    'table inet wire { chain input { type filter hook input priority 0; tcp flags & rst == rst drop\n }\n }',
  )
  return { gate, others }
}

/** From the first of these ports on. */
async function pool(gate: Host, first: number): Promise<Running> {
  await gate.sysctl('net/ipv4/ip_local_port_range', `${first} ${first + 4000}`)
  const client = await gate.start([process.execPath, '-e', CLIENT])
  await client.says(/connected/)
  return client
}

async function late(gate: Host): Promise<number> {
  const rules = await gate.must(['nft', 'list', 'chain', 'inet', 'filter', 'flypaper_judge'])
  return [...rules.matchAll(/packets (\d+) bytes \d+ drop comment "late-packet:/g)].reduce(
    (sum, [, packets]) => sum + Number(packets),
    0,
  )
}

/** The pool ends, and nobody sticks for it; strangers who scan do. */
async function endPool(gate: Host, others: Host, client: Running, daemon: Running, below: number) {
  client.write('x')
  for (let patience = 200; patience > 0 && (await late(gate)) < CONNECTIONS; patience--)
    await new Promise(resolve => setTimeout(resolve, 20))
  assert.ok((await late(gate)) >= CONNECTIONS, 'the goodbyes came late')
  assert.deepEqual(lockouts(daemon), [])

  // The control: a SYN is evidence wherever it goes, and ACK to three ports from which we open nothing is a scan.
  const acks = [1, 2, 3].map(i => ({ source: '198.51.100.2', destination: GATE, tcp: below - i, flags: ACK }))
  await send(others, {
    bursts: [[{ source: '198.51.100.1', destination: GATE, tcp: 40_000 }], ...acks.map(ack => [ack])],
    wait: 0,
  })
  assert.deepEqual((await lockoutsOf(daemon, 2)).toSorted(), ['198.51.100.1', '198.51.100.2'])
}

for (const range of RANGES) {
  test(`an upstream that closes late is no scanner: ports ${range}`, async () => {
    await using world = await makeWorld()
    const { gate, others } = await gateAndUpstream(world)
    const first = Number(range.split(' ')[0])
    const client = await pool(gate, first)
    await gate.sysctl('net/ipv4/ip_local_port_range', range)
    using flypaperd = install(gate)
    const daemon = await flypaperd.start()
    await endPool(gate, others, client, daemon, first)
  })
}

test('the range may change while the trap is armed: the rules follow, and it is told once', async () => {
  await using world = await makeWorld()
  const { gate, others } = await gateAndUpstream(world)
  const client = await pool(gate, 10_240)
  await gate.sysctl('net/ipv4/ip_local_port_range', '32768 60999')
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await gate.sysctl('net/ipv4/ip_local_port_range', '10240 32000')
  await gate.must(['ip', 'address', 'add', '192.0.2.2/24', 'dev', 'to-others']) // The next look.
  await daemon.says(/this machine now opens connections from ports 10240 and above/)
  await endPool(gate, others, client, daemon, 10_240)
  assert.equal(daemon.output().match(/now opens connections/g)?.length, 1)
})
