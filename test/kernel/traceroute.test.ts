/**
 * The ports of traceroute, tracepath and mtr, whose probes are many and of honest programs: all of them are silent and prove nothing. A scanner
 * of these ports is as free, which is a price of docs/threat-model.md; one beside them is not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firewall, GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const FAMILIES = [
  { gate: GATE, six: '', host: (n: number) => `198.18.0.${n}`, element: (n: number) => `198.18.0.${n}` },
  {
    gate: GATE6,
    six: '6',
    host: (n: number) => `2001:db8:2:${n}::7`,
    element: (n: number) => `2001:db8:2:${n}::`,
  },
] as const
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
const SERVED = 33_700
const PROBES = [...range(33_000, 33_999), ...range(44_444, 44_507)].filter(port => port !== SERVED)
const BESIDE = [32_999, 34_000, 44_443, 44_508]

for (const closed of ['listening', 'unmatched', 'unaccepted'] as const)
  test(`${closed}: all are silent alike, nobody sticks, and what is served there answers; beside them one is enough`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
    for (const path of ['net/ipv4/icmp_ratelimit', 'net/ipv6/icmp/ratelimit']) await gate.sysctl(path, 0)
    await serve(gate, `udp:${SERVED}`)
    const probes = async (n: number, ...ports: readonly number[]) => {
      const bursts = FAMILIES.flatMap(({ gate: destination, host }) =>
        ports.map(udp => [{ source: host(n), destination, udp, data: 'probe' }]),
      )
      const { answers } = await send(scanner, { bursts, pause: 0 })
      return answers.map(({ kind }) => kind)
    }
    assert.ok((await probes(1, 33_434)).includes('icmp'), 'the control: without the trap')
    if (closed === 'unmatched') await gate.nft(firewall(`udp dport ${SERVED}`))
    await loadTrap(gate, `closed = "${closed}"`)
    assert.deepEqual(await probes(2, ...PROBES), [])
    assert.deepEqual(await probes(2, SERVED), ['udp', 'udp'], 'the price')
    for (const { six } of FAMILIES) assert.deepEqual(await listed(gate, `flypaper_hold${six}`), [])
    for (const [i, port] of BESIDE.entries()) assert.deepEqual(await probes(3 + i, port, SERVED), [])
    for (const { six, element } of FAMILIES)
      assert.deepEqual(
        await listed(gate, `flypaper_hold${six}`),
        BESIDE.map((_, i) => element(3 + i)),
      )
  })
