/** Services of IPVS, which no socket tells of: their clients are innocent, by port, by mark, and at an address of which IPVS takes any port. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../../support/daemon.ts'
import { eventually } from '../../support/eventually.ts'
import { balance } from '../../support/ipvs.ts'
import { BEHIND, GATE, gateOutsideBehind } from '../../support/scanning.ts'
import { send } from '../../support/sender.ts'
import { serve } from '../../support/server.ts'
import { type Host, makeWorld } from '../../support/world.ts'

const XMAS = 0x29

async function tries(outside: Host, source: string, tcp: number, flags?: number): Promise<readonly string[]> {
  const packet = { source, destination: GATE, tcp, ...(flags !== undefined && { flags }) }
  return (await send(outside, { bursts: [[packet]] })).answers.map(({ kind }) => kind)
}

/** Its first SYN may have come before the daemon has asked who listens; it is sent again, as every client does. */
async function isServed(outside: Host, source: string, tcp: number): Promise<void> {
  await eventually(`${tcp} answers ${source}`, async () =>
    (await tries(outside, source, tcp)).includes('syn-ack'),
  )
}

for (const when of ['before', 'after'])
  test(`a service that IPVS had ${when} the daemon: its clients get in, and whoever tries another port sticks`, async () => {
    await using world = await makeWorld()
    const { gate, outside, behind } = await gateOutsideBehind(world)
    await serve(behind, 'tcp:80')
    const service = () => balance(gate, { at: GATE, port: 8080 }, { at: BEHIND, port: 80 })
    if (when === 'before') await service()
    using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
    const daemon = await flypaperd.start()
    if (when === 'after') await service()
    await isServed(outside, '198.51.100.1', 8080)
    await isServed(outside, '198.51.100.2', 8080)
    await tries(outside, '198.51.100.3', 8081)
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.3'])
    await sleep(500)
    assert.equal(lockouts(daemon).length, 1)
  })

for (const how of ['mark', 'any port'])
  test(`a service by ${how}: whoever opens a port is no offender, who sends what opens none sticks`, async () => {
    await using world = await makeWorld()
    const { gate, outside, behind } = await gateOutsideBehind(world)
    await serve(behind, 'tcp:80', 'tcp:8090')
    if (how === 'mark') {
      await gate.nft(
        'table ip marks { chain pre { type filter hook prerouting priority mangle; tcp dport 8090 meta mark set 7; }; }',
      )
      await balance(gate, { mark: 7 }, { at: BEHIND, port: 0 })
    } else await balance(gate, { at: GATE, port: 0 }, { at: BEHIND, port: 0 })
    using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
    const daemon = await flypaperd.start()
    await isServed(outside, '198.51.100.1', 8090)
    await tries(outside, '198.51.100.3', 8091, XMAS)
    assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.3'])
    await sleep(500)
    assert.equal(lockouts(daemon).length, 1)
  })
