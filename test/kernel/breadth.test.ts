/**
 * A customer line of IPv6 that is scanned from in breadth, on the wire: suspicion shuts nobody out, and leaves no excusable port free; what it does not end is
 * measured. With whole_prefixes the line is locked out for ten minutes, but not where somebody is known.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const world = await makeWorld()
after(() => world[Symbol.asyncDispose]())
const { gate, scanner } = await gateAndScanner(world, '2001:db8:2::/48', '2001:db8:3::/48')
await serve(gate, 'tcp:22')
const flypaperd = install(gate, 'capture = "log"')
after(() => flypaperd[Symbol.dispose]())
const daemon = await flypaperd.start()

const ACK = 0x10
/** A network of a line (/56) of this customer's /48. */
const hostOf = (line: number, network: number, site = 2) =>
  `2001:db8:${site}:${((line << 8) | network).toString(16)}::7`
const flyOf = (host: string) => host.replace(/::7$/, '::')
let from = 20_000

async function packets(source: string, ...packets: readonly object[]): Promise<boolean> {
  const burst = packets.map(one => ({ source, destination: GATE6, from: from++, ...one })) as never[]
  const { answers } = await send(scanner, { bursts: [burst], wait: 300 })
  return answers.some(({ kind }) => kind === 'syn-ack')
}
const isServed = (host: string) => packets(host, { tcp: 22 })
async function becomeKnown(client: string): Promise<void> {
  await scanner.must(['ip', 'address', 'add', client, 'dev', 'lo'])
  const greeting = await scanner.run(['nc', '-N', '-w', GREETING_S, '-s', client, GATE6, '22'], {
    input: 'x\n',
  })
  assert.match(greeting.stdout, /port 22/)
  assert.ok((await listed(gate, 'flypaper_known6')).includes(flyOf(client)))
}
const held = () => listed(gate, 'flypaper_hold6')

/** So many networks of the line, each with a closed port of its own. */
async function scan(line: number, count: number, { network = 0, port = 1000 } = {}): Promise<void> {
  const burst = Array.from({ length: count }, (_, i) => ({
    source: hostOf(line, network + i),
    destination: GATE6,
    tcp: port + network + i,
  }))
  await send(scanner, { bursts: [burst], wait: 300 })
}

test('fifteen networks make nobody suspect, the sixteenth does; an excusable port is a hold there then, and no lockout', async () => {
  const [early, innocent, late, client] = [0xa0, 0xa1, 0xa2, 0xa3].map(network => hostOf(5, network)) as [
    string,
    string,
    string,
    string,
  ]
  const other = hostOf(5, 0xa1, 3)
  await scan(5, 15)
  await eventually('they stick', async () => (await listed(gate, 'flypaper6')).length === 15)
  await packets(early, { udp: 123 })
  assert.ok(await isServed(early), 'two excusable ports are free yet')
  assert.deepEqual(await listed(gate, 'flypaper_suspect_56'), [])

  await scan(5, 1, { network: 15 })
  await daemon.says(/2001:db8:2:500::\/56 is suspect/)
  assert.deepEqual(await listed(gate, 'flypaper_suspect_56'), ['2001:db8:2:500::'])
  assert.ok(await isServed(innocent), 'suspicion shuts nobody out')
  await packets(innocent, { udp: 123 })
  assert.ok((await held()).includes(flyOf(innocent)))
  assert.ok(!(await isServed(innocent)), 'held')
  await packets(late, { tcp: 443, flags: ACK })
  assert.ok(await isServed(late), 'a late packet is none')
  await becomeKnown(client)
  await packets(client, { udp: 123 })
  assert.ok(await isServed(client), 'a known client')
  await packets(other, { udp: 123 })
  assert.ok(await isServed(other), 'the control: the same of another /48')
  assert.equal(lockouts(daemon).length, 16, 'and nobody was locked out for that')
})

test('sixteen /56s make their /48 suspect', async () => {
  const burst = Array.from({ length: 16 }, (_, i) => ({
    source: hostOf(0x20 + i, 1),
    destination: GATE6,
    tcp: 2000 + i,
  }))
  await send(scanner, { bursts: [burst], wait: 300 })
  await eventually('the /48 is suspect', async () =>
    (await listed(gate, 'flypaper_suspect_48')).includes('2001:db8:2::'),
  )
  const innocent = hostOf(0x77, 1)
  await packets(innocent, { tcp: 22 }, { udp: 123 })
  assert.ok((await held()).includes(flyOf(innocent)))
  await packets(hostOf(0x77, 1, 3), { tcp: 22 }, { udp: 123 })
  assert.ok(!(await held()).includes(flyOf(hostOf(0x77, 1, 3))), 'the control')
})

/** 400 networks of a line, each tries one port, of which 8 are open: how many it finds. */
async function found(site: number): Promise<number> {
  const burst = Array.from({ length: 400 }, (_, i) => ({
    source: hostOf(0x50 + (i >> 8), i & 255, site),
    destination: GATE6,
    tcp: i % 50 === 49 ? 22 : 3000 + i,
  }))
  const bursts = Array.from({ length: 20 }, (_, i) => burst.slice(20 * i, 20 * i + 20))
  const { answers } = await send(scanner, { bursts, pause: 50_000, wait: 300 })
  return new Set(answers.flatMap(({ kind, destination }) => (kind === 'syn-ack' ? destination : []))).size
}

test('what suspicion leaves to a whole /48: each network has its one try; with whole_prefixes they end', async () => {
  assert.equal(await found(2), 8, 'every open port is found')
  flypaperd.settings('capture = "log"\n[lockout]\nwhole_prefixes = true')
  await flypaperd.must('reload')
  const client = hostOf(0x62, 0xa0, 3)
  await becomeKnown(client)
  for (const line of [0x61, 0x62]) {
    const burst = Array.from({ length: 16 }, (_, i) => ({
      source: hostOf(line, i, 3),
      destination: GATE6,
      tcp: 4000 + i,
    }))
    await send(scanner, { bursts: [burst], wait: 300 })
  }
  await daemon.says(/lockout 2001:db8:3:6100::\/56, .*for 10m/)
  assert.ok(!(await isServed(hostOf(0x61, 0xa0, 3))), 'the offender’s line')
  assert.ok(await isServed(hostOf(0x62, 0xa1, 3)), 'where somebody is known')
  assert.ok(await isServed(hostOf(0x99, 1, 3)), 'the control: another line')
  const flies = await found(3)
  assert.ok(flies < 8, `${flies} of 8 found`)
  await flypaperd.must('free', '2001:db8:3::/48')
  assert.ok(await isServed(hostOf(0x61, 0xa0, 3)), 'freed by one command')
})
