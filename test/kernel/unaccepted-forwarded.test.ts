/**
 * closed = "unaccepted" on a router: what somebody else's rules refuse to forward is closed, published ports (DNAT) among it;
 * what they forward is open; and what hosts behind it may not do outside is no offence.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carries } from '../../src/prove/packets.ts'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { BEHIND, BEHIND6, GATE, gateOutsideBehind } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

/** Ports 8080 and 8081 are published, of which rules forward the first, as those of Docker do; IPv6 is routed. */
const ROUTER = `
table inet theirs {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "to-behind" tcp dport 7000 accept
    iifname "to-behind" drop
    oifname "to-behind" tcp dport 80 accept
    oifname "to-behind" tcp dport 81 reject with tcp reset
    oifname "to-behind" udp dport 1053 drop
  }
}
table ip theirnat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "to-outside" tcp dport 8080 dnat to ${BEHIND}:80
    iifname "to-outside" tcp dport 8081 dnat to ${BEHIND}:81
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "to-outside" masquerade
  }
}`

async function router(world: Awaited<ReturnType<typeof makeWorld>>) {
  const { gate, outside, behind } = await gateOutsideBehind(world)
  await serve(behind, 'tcp:80', 'tcp:81', 'udp:1053')
  await serve(outside, 'tcp:7000', 'tcp:7001')
  await serve(gate, 'tcp:22')
  await gate.nft(ROUTER)
  return { gate, outside, behind }
}

const WAYS = [
  {
    name: 'published by DNAT',
    target: GATE,
    open: 8080,
    refused: { tcp: 8081 },
    told: /lockout 198\.51\.100\.1, who tried TCP-port 81, for 10m, forwarded to 10\.0\.0\.5/,
    source: (i: number) => `198.51.100.${i}`,
  },
  {
    name: 'routed IPv6',
    target: BEHIND6,
    open: 80,
    refused: { tcp: 81 },
    told: /lockout 2001:db8:51:1::\/64, who tried TCP-port 81 \(from 2001:db8:51:1::7\), for 10m, forwarded to 2001:db8:10::5/,
    source: (i: number) => `2001:db8:51:${i}::7`,
  },
  {
    name: 'routed IPv6, UDP',
    target: BEHIND6,
    open: 80,
    refused: { udp: 1053 },
    told: /lockout 2001:db8:51:1::\/64, who tried UDP-port 1053 \(from 2001:db8:51:1::7\), for 10m, forwarded to/,
    source: (i: number) => `2001:db8:51:${i}::7`,
  },
] as const

for (const { name, target, open, refused, told, source } of WAYS) {
  test(`what is not forwarded is closed, what is forwarded is open: ${name}`, async () => {
    await using world = await makeWorld()
    const { gate, outside } = await router(world)
    const opened = async (who: number, ...what: Carries[]) => {
      const bursts = [what.map(carries => ({ source: source(who), destination: target, ...carries }))]
      const { answers } = await send(outside, { bursts })
      return answers.map(({ kind }) => kind)
    }
    const one = { tcp: open }
    assert.ok((await opened(9, refused, one)).includes('syn-ack'), 'the control')

    using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
    const daemon = await flypaperd.start()
    assert.match(
      (await flypaperd.run('status')).stdout,
      /integration into forward: +OK \(closed is what nobody accepts\)/,
    )
    assert.deepEqual(await opened(1, refused, one, one, one), [])
    await daemon.says(told)
    assert.ok((await opened(2, one)).includes('syn-ack'), 'an innocent')
    assert.deepEqual(await opened(3, refused, one), [], 'also when the door is known')
    await lockoutsOf(daemon, 2)
    assert.ok((await opened(2, one)).includes('syn-ack'), 'an innocent')
    assert.equal(lockouts(daemon).length, 2)
  })
}

test('what hosts behind the router may not do outside is no offence, and no door', async () => {
  await using world = await makeWorld()
  const { gate, outside, behind } = await router(world)
  using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
  const daemon = await flypaperd.start()
  for (const address of ['192.0.2.9', '2001:db8:1::9']) {
    assert.equal((await behind.run(['nc', '-w', '1', address, '7001'])).stdout, '', 'refused by their rule')
    assert.match((await behind.run(['nc', '-w', '1', address, '7000'])).stdout, /port 7000/)
  }
  await sleep(1000)
  assert.deepEqual(lockouts(daemon), [])
  for (const set of ['flypaper_pending', 'flypaper_pending6', 'flypaper_accepted', 'flypaper_accepted6'])
    assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]), /elements/, set)

  // The control: the same from outside is one.
  await send(outside, { bursts: [[{ source: '198.51.100.1', destination: GATE, tcp: 8081 }]], wait: 0 })
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.1'])
})
