/**
 * What a link lives by reaches who listens for it, also from a source that is no host and met a closed port just now: the answers of a DHCP server
 * that is asked by its link-local address, and what is for everybody. In each mode.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { install } from '../support/daemon.ts'
import { firewall } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const FAMILIES = [
  { gate: '192.0.2.1', all: '224.0.0.1', source: '169.254.7.71', fresh: '169.254.7.72', dhcp: [67, 68] },
  { gate: '2001:db8:1::1', all: 'ff02::1', source: 'fe80::71', fresh: 'fe80::72', dhcp: [547, 546] },
] as const
const OPEN = firewall('udp dport { 68, 546, 5000, 5001 }', 'meta l4proto { icmp, icmpv6 }')
const MODES = [
  { closed: 'listening', rules: '' },
  { closed: 'unmatched', rules: OPEN },
  { closed: 'unaccepted', rules: OPEN },
] as const

for (const { closed, rules } of MODES)
  test(`${closed}: DHCP and what is for everybody is heard from who met a closed port, and nothing else`, async () => {
    await using world = await makeWorld()
    const [gate, neighbour] = [await world.host('gate'), await world.host('neighbour')]
    await world.link(gate, neighbour, {
      a: ['192.0.2.1/24', '2001:db8:1::1/64', '169.254.7.1/16', 'fe80::1/64'],
      b: [
        '192.0.2.9/24',
        '2001:db8:1::9/64',
        ...FAMILIES.flatMap(({ source, fresh }) => [source, fresh]).map(withLength),
      ],
    })
    await neighbour.must(['ip', 'route', 'add', '224.0.0.0/4', 'dev', 'to-gate'])
    await serve(gate, 'udp:68', 'udp:546', 'udp:5000')
    const echo4 = await gate.start([process.execPath, '-e', ECHO4])
    await echo4.says(/^ready$/)
    if (rules !== '') await gate.nft(rules)
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nhold = "60s"`)
    await flypaperd.start()

    /** How often each of the sources is answered, whatever it sends. */
    const heard = async (what: (family: (typeof FAMILIES)[number]) => Outgoing) => {
      const packets = FAMILIES.map(what)
      const { answers } = await send(neighbour, { bursts: packets.map(packet => [packet]) })
      return packets.map(({ source }) => answers.filter(it => it.destination === source).length)
    }
    const data = 'answer'
    for (const who of ['fresh', 'source'] as const) {
      const isLinked = who === 'source'
      if (isLinked) {
        await heard(({ gate: destination, source }) => ({ source, destination, tcp: 81 }))
        assert.equal((await listed(gate, 'flypaper_linked')).length, 1)
        assert.equal((await listed(gate, 'flypaper_linked6')).length, 1)
      }
      assert.deepEqual(
        await heard(({ gate: destination, [who]: source }) => ({ source, destination, udp: 5000, data })),
        isLinked ? [0, 0] : [1, 1],
        `${who}: the control`,
      )
      assert.deepEqual(
        await heard(({ gate: destination, [who]: source, dhcp: [from, udp] }) => ({
          ...{ source, destination, udp, from, data },
        })),
        [1, 1],
        `${who}: DHCP`,
      )
      assert.deepEqual(
        await heard(({ all: destination, [who]: source }) => ({
          ...{ source, destination, udp: destination.includes(':') ? 5000 : 5001, from: 4000, data },
        })),
        [1, 1],
        `${who}: multicast`,
      )
    }
  })

/** What is for everybody in IPv4 does not come to a socket of IPv6. */
const ECHO4 = `const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (message, from) => socket.send(message, from.port, from.address))
socket.bind(5001, () => console.log('ready'))`

function withLength(address: string): string {
  return `${address}/${address.includes(':') ? 64 : 16}`
}
