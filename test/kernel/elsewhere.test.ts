/**
 * A source that belongs on another link than the one it comes by is no evidence: a forger on the uplink cannot cut off a host behind the router,
 * nor a host on the LAN one outside. Reverse path filters are off in these worlds, and IPv6 has none.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const STRICT = `table inet theirs {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    tcp dport 22 accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "to-pc" accept
    tcp dport 80 accept
  }
}`
const OWN = STRICT.replace(
  'table inet theirs {',
  'table inet filter {\n  chain flypaper_input { }\n  chain flypaper_forward { }',
)
  .replace('tcp dport 22 accept', 'tcp dport 22 accept\n    jump flypaper_input')
  .replace('tcp dport 80 accept', 'tcp dport 80 accept\n    jump flypaper_forward')

const MODES = [
  { closed: 'listening', rules: '', closedPort: 81, forwarded: undefined },
  { closed: 'unmatched', rules: OWN, closedPort: 81, forwarded: 81 },
  { closed: 'unaccepted', rules: STRICT, closedPort: 3306, forwarded: 81 },
] as const

const FAMILIES = [
  {
    family: 'IPv4',
    gate: '192.0.2.1',
    lanGate: '10.0.0.1',
    pc: '10.0.0.5',
    server: '10.0.0.6',
    outer: '192.0.2.77',
    stranger: (i: number) => `198.51.100.${i}`,
    offender: (i: number) => `198.51.100.${i}`,
  },
  {
    family: 'IPv6',
    gate: '2001:db8:1::1',
    lanGate: '2001:db8:10::1',
    pc: '2001:db8:10::5',
    server: '2001:db8:10::6',
    outer: '2001:db8:1::77',
    stranger: (i: number) => `2001:db8:51:${i}::7`,
    offender: (i: number) => `2001:db8:51:${i}::/64`,
  },
] as const

async function router(world: Awaited<ReturnType<typeof makeWorld>>, rules: string) {
  const [gate, uplink, pc] = (await Promise.all(['gate', 'uplink', 'pc'].map(name => world.host(name)))) as [
    Host,
    Host,
    Host,
  ]
  await world.link(gate, uplink, {
    a: ['192.0.2.1/24', '2001:db8:1::1/64'],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await world.link(gate, pc, {
    a: ['10.0.0.1/24', '2001:db8:10::1/64'],
    b: ['10.0.0.5/24', '10.0.0.6/24', '2001:db8:10::5/64', '2001:db8:10::6/64'],
  })
  await gate.forward()
  await gate.route('default', '192.0.2.9')
  await gate.route('::/0', '2001:db8:1::9')
  await pc.route('default', '10.0.0.1')
  await pc.route('::/0', '2001:db8:10::1')
  await uplink.route('10.0.0.0/24', '192.0.2.1')
  await uplink.route('2001:db8:10::/64', '2001:db8:1::1')
  await serve(gate, 'tcp:22', 'tcp:3306')
  await serve(pc, 'tcp:80')
  if (rules !== '') await gate.nft(rules)
  return { gate, uplink, pc }
}

for (const { closed, rules, closedPort, forwarded } of MODES)
  for (const { family, gate: GATE, lanGate, pc: PC, server, outer, stranger, offender } of FAMILIES)
    test(`forged on another link is no evidence: ${closed}, ${family}`, async () => {
      await using world = await makeWorld()
      const { gate, uplink, pc } = await router(world, rules)
      using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
      const daemon = await flypaperd.start()
      const from = async (host: Host, source: string, destination: string, ...what: readonly Carries[]) =>
        (
          await send(host, {
            bursts: what.map(carries => [{ source, destination, ...carries }]),
            wait: 100,
          })
        ).answers.map(({ kind }) => kind)

      // In the name of the LAN's hosts, by the uplink: closed ports, flags that nothing legal carries, late packets, UDP.
      const tries: readonly Carries[] = [
        { tcp: closedPort },
        { tcp: closedPort + 1 },
        { tcp: 22, flags: 3 },
        { tcp: closedPort, flags: 0x10 },
        { udp: 9 },
        { udp: 123 },
        { udp: 161 },
        { udp: 389 },
      ]
      assert.deepEqual(await from(uplink, PC, GATE, ...tries), [])
      if (forwarded !== undefined)
        await from(uplink, PC, server, { tcp: forwarded }, { tcp: forwarded + 1 }, { udp: 9 })
      // And the other way about: a host on the LAN forges one of the uplink's link.
      assert.deepEqual(await from(pc, outer, lanGate, ...tries), [])

      // The control: the same from strangers who belong there.
      await from(uplink, stranger(1), GATE, tries[0]!)
      assert.deepEqual(await lockoutsOf(daemon, 1), [offender(1)])
      if (forwarded !== undefined) {
        await from(uplink, stranger(2), server, { tcp: forwarded })
        assert.deepEqual(await lockoutsOf(daemon, 2), [offender(1), offender(2)])
      }
      const far = forwarded === undefined ? [offender(1)] : [offender(1), offender(2)]
      assert.deepEqual(lockouts(daemon), far)
      const six = family === 'IPv6' ? '6' : ''
      const names = [`flypaper_hold${six}`, `flypaper_pending${six}`, `flypaper_count_late${six}`]
      for (const set of [...names, `flypaper_tried_late${six}`])
        for (const innocent of [PC, outer])
          assert.ok(!(await listed(gate, set)).some(element => element.startsWith(innocent)), set)
      const { kernel } = JSON.parse(await flypaperd.must('status', '--json')).daemon.counts
      assert.ok(kernel.elsewhere > 0)

      // The victim has its router as before, and by its own link it is judged as everybody is.
      const asks = () => pc.run(['nc', '-N', '-w', '2', '-s', PC, lanGate, '22'], { input: 'x\n' })
      assert.match((await asks()).stdout, /port 22/)
      // Who was served is known: a fresh one sticks by one port.
      const neighbour = family === 'IPv4' ? '10.0.0.99' : '2001:db8:10::99'
      await from(pc, neighbour, lanGate, { tcp: closedPort })
      assert.deepEqual(await lockoutsOf(daemon, far.length + 1), [...far, neighbour])
    })

test('accepted traffic is untouched, whichever link it comes by; a prefix on two links proves nothing', async () => {
  await using world = await makeWorld()
  const { gate, uplink } = await router(world, '')
  // A host of the LAN sends by the uplink, and is answered by the LAN: VRRP, two legs, asymmetric routes.
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  const daemon = await flypaperd.start()
  await gate.nft(`table inet seen {
  chain out {
    type filter hook postrouting priority 500
    oifname "to-pc" tcp sport 22 tcp flags & (syn | ack) == (syn | ack) counter
  }
}`)
  await send(uplink, { bursts: [[{ source: '10.0.0.5', destination: '192.0.2.1', tcp: 22 }]], wait: 100 })
  assert.match(await gate.must(['nft', 'list', 'table', 'inet', 'seen']), /counter packets [1-9]/)

  // The same prefix on a second link, as of a laptop by cable and radio: whoever comes by either is judged.
  const other = await world.host('other')
  await world.link(gate, other, { a: ['10.0.0.2/24'], b: ['10.0.0.7/24'] })
  const links = () => listed(gate, 'flypaper_links')
  for (let patience = 100; patience > 0 && (await links()).includes('10.0.0.0/24'); patience--)
    await new Promise(resolve => setTimeout(resolve, 50))
  assert.deepEqual(await links(), ['192.0.2.0/24'])
  await send(other, { bursts: [[{ source: '10.0.0.7', destination: '10.0.0.2', tcp: 81 }]], wait: 100 })
  assert.deepEqual(await lockoutsOf(daemon, 1), ['10.0.0.7'])
})
