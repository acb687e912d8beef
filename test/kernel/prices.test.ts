/**
 * The prices of docs/threat-model.md, as they are paid on the wire: what a forger gets for his packets, and what a scanner who is a known client
 * can try. Beside each that shuts somebody out, the one with a packet less.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const world = await makeWorld()
after(() => world[Symbol.asyncDispose]())
const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/15', '2001:db8:2::/48')
await serve(gate, 'tcp:22')
await serve(scanner, 'tcp:7000')
const flypaperd = install(gate, 'capture = "log"')
after(() => flypaperd[Symbol.dispose]())
const daemon = await flypaperd.start()

interface Fly {
  readonly source: string
  readonly because: string
  readonly grade: string
  readonly evidence?: readonly { readonly what: string; readonly weight: number }[]
}

/** Behind the scanner, who is a gateway here and never judged: nobody in particular, a client, and a host that the gate uses. */
const FAMILIES = [
  { gate: GATE, stranger: '198.18.4.1', client: '198.18.5.1', used: '198.18.6.1' },
  { gate: GATE6, stranger: '2001:db8:2:4::1', client: '2001:db8:2:5::1', used: '2001:db8:2:6::1' },
] as const
for (const { client, used } of FAMILIES)
  for (const host of [client, used]) await scanner.must(['ip', 'address', 'add', host, 'dev', 'lo'])

const flyOf = (host: string) => host.replace(/::.*/, '::/64')

/** One packet after the other, each judged before the next. */
async function forge(source: string, destination: string, ...ports: number[]): Promise<void> {
  for (const tcp of ports) await send(scanner, { bursts: [[{ source, destination, tcp }]], wait: 0.1 })
}

async function flies(): Promise<readonly Fly[]> {
  return JSON.parse(await flypaperd.must('list', '--json')) as Fly[]
}

for (const { gate: address, stranger, client, used } of FAMILIES) {
  test(`${address}: one packet in a stranger’s name shuts him out, for ten minutes`, async () => {
    await forge(stranger, address, 81)
    await daemon.says(new RegExp(`lockout ${flyOf(stranger)}, who tried TCP-port 81.*, for 10m`))
    const fly = (await flies()).find(({ source }) => source === flyOf(stranger))
    assert.deepEqual([fly?.because, fly?.grade, fly?.evidence], ['closed-port', 'forgeable', undefined])
  })

  test(`${address}: a known client: two ports of it, however often, nothing; the third shuts it out, for an hour`, async () => {
    const greeting = await scanner.run(['nc', '-N', '-w', GREETING_S, '-s', client, address, '22'], {
      input: 'x\n',
    })
    assert.match(greeting.stdout, /port 22/)
    await forge(client, address, 80, 80, 8080, 80, 8080)
    assert.ok(!lockouts(daemon).includes(flyOf(client)))
    await eventually('why shows the sum', async () =>
      (await whyOf(client)).includes('80 (2) + 8080 (2) = 4 of 6'),
    )
    await forge(client, address, 8443)
    await daemon.says(new RegExp(`lockout ${flyOf(client)}, who tried TCP-port 8443.*, for 1h`))
    const fly = (await flies()).find(({ source }) => source === flyOf(client))
    assert.deepEqual([fly?.because, fly?.grade], ['distinct-ports', 'forgeable-known'])
    assert.match(
      await whyOf(client),
      /80 \(2\) \+ 8080 \(2\) \+ 8443 \(2\) = 6; evidence: forgeable, in the name of a known host/,
    )
    assert.match(await flypaperd.must('list', client), /distinct-ports\s+forgeable-known/)
  })

  test(`${address}: a host that we use: the same`, async () => {
    assert.match(
      (await gate.run(['nc', '-N', '-w', GREETING_S, used, '7000'], { input: 'x\n' })).stdout,
      /port 7000/,
    )
    await forge(used, address, 90, 91, 90, 91)
    assert.ok(!lockouts(daemon).includes(flyOf(used)))
    await forge(used, address, 92)
    await daemon.says(new RegExp(`lockout ${flyOf(used)}, who tried TCP-port 92.*, for 1h`))
  })
}

/** What is told of it, in one line. */
async function whyOf(host: string): Promise<string> {
  return (await flypaperd.run('why', host)).stdout.replace(/\s+/g, ' ')
}
