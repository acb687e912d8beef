/** Many behind one prefix: behind a NAT64 or SIIT-DC of one's own the whole of IPv4 is one /64. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE6 = '2001:db8:1::1'
/** 198.51.100.1, and 203.0.113.9. */
const [SCANNER, CLIENT] = ['2001:db8:64::c633:6401', '2001:db8:64::cb00:7109']
/** Not behind it. */
const [OTHER, ITS_NEIGHBOUR] = ['2001:db8:65::1', '2001:db8:65::2']

for (const closed of ['listening', 'unaccepted'])
  test(`behind a prefix of [shared] hosts stick one by one: ${closed}`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '2001:db8:64::/47')
    await serve(gate, 'tcp:22')
    using flypaperd = install(
      gate,
      `closed = "${closed}"\ncapture = "log"\n[shared]\nsingle = ["2001:db8:64::/96"]`,
    )
    const daemon = await flypaperd.start()
    const tries = async (source: string, tcp: number) =>
      (await send(scanner, { bursts: [[{ source, destination: GATE6, tcp }]], wait: 200 })).answers.map(
        ({ kind }) => kind,
      )
    await tries(SCANNER, 81)
    assert.deepEqual(await lockoutsOf(daemon, 1), [SCANNER])
    assert.deepEqual(await tries(SCANNER, 22), [])
    assert.ok((await tries(CLIENT, 22)).includes('syn-ack'), 'his neighbour, who is somebody else')
    // The control: elsewhere it is the /64.
    await tries(OTHER, 81)
    assert.deepEqual(await lockoutsOf(daemon, 2), [SCANNER, '2001:db8:65::/64'])
    assert.deepEqual(await tries(ITS_NEIGHBOUR, 22), [])
  })

test('who shares an address is held, and never locked out', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24', '2001:db8:64::/47')
  await serve(gate, 'tcp:22')
  using flypaperd = install(
    gate,
    'capture = "log"\nhold = "2s"\n[shared]\nhold_only = ["198.51.100.0/25", "2001:db8:65::/48"]',
  )
  const daemon = await flypaperd.start()
  const tries = async (source: string, ...ports: readonly number[]) =>
    (
      await send(scanner, {
        bursts: ports.map(tcp => [{ source, destination: source.includes(':') ? GATE6 : '192.0.2.1', tcp }]),
        wait: 200,
      })
    ).answers.map(({ kind }) => kind)
  for (const source of ['198.51.100.7', OTHER]) {
    assert.deepEqual(await tries(source, 81, 22), [], 'held')
    await new Promise(resolve => setTimeout(resolve, 2500))
    assert.ok((await tries(source, 22)).includes('syn-ack'), 'the hold is over')
  }
  await tries('198.51.100.200', 81)
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.200'], 'the control')
  assert.equal(JSON.parse(await flypaperd.must('status', '--json')).daemon.counts.spared.shared, 2)
  await flypaperd.must('lock', '198.51.100.8')
  assert.deepEqual(await tries('198.51.100.8', 22), [], 'by hand')
  assert.deepEqual(lockouts(daemon), ['198.51.100.200'])
})

/** Answers each question with both addresses of ipv4only.arpa behind the prefix. */
const DNS64 = `
  const { createSocket } = require("node:dgram")
  const socket = createSocket("udp4")
  socket.on("message", (asked, { port, address }) => {
    const answer = last => Buffer.from("c00c001c00010000003c0010" + "20010db8006400000000000000000000".slice(0, 24) + "c00000" + last, "hex")
    const end = asked.indexOf(0, 12) + 5
    const head = Buffer.from(asked.subarray(0, end))
    head.writeUInt16BE(0x8180, 2)
    for (const [i, count] of [1, 2, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * i)
    socket.send(Buffer.concat([head, answer("aa"), answer("ab")]), port, address)
  })
  socket.bind(53, () => console.log("ready"))
`

test('doctor names the prefix of DNS64 that is not in the settings, and is silent where nobody answers', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '2001:db8:64::/47')
  const files = { '/etc/resolv.conf': 'nameserver 192.0.2.9\n' }
  const says = async (toml: string) => {
    using flypaperd = install(gate, toml, { files })
    return (await flypaperd.run('doctor')).stdout
  }
  assert.doesNotMatch(await says(''), /DNS64/)
  const dns = await scanner.start([process.execPath, '-e', DNS64])
  await dns.says(/ready/)
  assert.match(
    await says(''),
    /DNS64 puts 2001:db8:64::\/96 before .*\n.*\n +\[shared\]\n +single = \["2001:db8:64::\/96"\]/,
  )
  assert.doesNotMatch(await says('[shared]\nsingle = ["2001:db8:64::/96"]'), /DNS64/)
})
