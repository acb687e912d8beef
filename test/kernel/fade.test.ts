/** What a known client tried before counts half beyond its window: on the wire, with a window of two seconds instead of an hour. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts } from '../support/daemon.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const world = await makeWorld()
after(() => world[Symbol.asyncDispose]())
const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/15', '2001:db8:2::/48')
await serve(gate, 'tcp:22')

const CLIENTS = [
  { gate: GATE, client: '198.18.5.1', fly: '198.18.5.1' },
  { gate: GATE6, client: '2001:db8:2:5::1', fly: '2001:db8:2:5::/64' },
] as const
for (const { client } of CLIENTS) await scanner.must(['ip', 'address', 'add', client, 'dev', 'lo'])

async function tries(...ports: readonly number[]): Promise<void> {
  for (const tcp of ports) {
    const bursts = CLIENTS.map(({ client, gate: destination }) => [{ source: client, destination, tcp }])
    await send(scanner, { bursts, wait: 0 })
    await sleep(2500)
  }
}

for (const [fade, what] of [
  ['2s', 'the control: without it nobody who is slow sticks'],
  ['1d', 'four slow ports are free, and one of them again; the fifth is a scan'],
] as const) {
  test(`fade = ${fade}: ${what}`, async () => {
    using flypaperd = install(gate, `capture = "log"\nevidence.known = { window = "2s", fade = "${fade}" }`)
    const daemon = await flypaperd.start()
    for (const { client, gate: to } of CLIENTS)
      await scanner.must(['nc', '-N', '-w', GREETING_S, '-s', client, to, '22'], { input: 'x\n' })
    await tries(81, 82, 83, 83, 84)
    assert.deepEqual(lockouts(daemon), [])
    await tries(85)
    if (fade === '1d')
      for (const { fly } of CLIENTS)
        await daemon.says(new RegExp(`lockout ${fly}, who tried TCP-port 85.*, for 1h`))
    else assert.deepEqual(lockouts(daemon), [])
    await flypaperd.must('stop')
  })
}
