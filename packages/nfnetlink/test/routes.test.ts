import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { watchRoutes } from '../src/index.ts'
import { command } from './command.ts'
import { until } from './traffic.ts'

describeInNamespace(import.meta.url, () => {
  command('ip link set lo up')
  test('addresses, routes and links that change are told; nothing else, and nothing after closing', async () => {
    let changes = 0
    const watch = watchRoutes({ onChange: () => void changes++, onError: error => assert.fail(error) })
    await sleep(20)
    assert.equal(changes, 0)
    for (const change of [
      'ip link add veth-a type veth peer veth-b',
      'ip address add 192.0.2.1/24 dev veth-a',
      'ip -6 address add 2001:db8::1/64 dev veth-a nodad',
      'ip link set veth-b up',
      'ip link set veth-a up',
      'ip route add 198.51.100.0/24 dev veth-a',
      'ip -6 route add 2001:db8:1::/64 dev veth-a',
      'ip route add 198.51.100.0/24 dev veth-a table 100',
      'ip nexthop add id 7 via 192.0.2.7 dev veth-a',
      'ip nexthop replace id 7 via 192.0.2.8 dev veth-a',
      'ip address del 192.0.2.1/24 dev veth-a',
      'ip link set veth-a down',
    ]) {
      await sleep(30) // Later messages of the change before.
      const before = changes
      command(change)
      await until(change, () => changes > before)
    }
    watch[Symbol.dispose]()
    await sleep(30)
    const atClosing = changes
    command('ip link set veth-a up')
    await sleep(30)
    assert.equal(changes, atClosing)
  })
})
