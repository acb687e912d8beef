/** What we have open to who sticks is let in: asked for when somebody sticks to whom we talk, and not for each stranger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Called } from '../../src/arm/surroundings.ts'
import { openInUseClock } from '../../src/daemon/in-use.ts'
import { fakeWorld, turns, until } from '../support/fake-world.ts'

const FLY = '198.51.100.1'
const flow = (host: string, to = 40_000) => [host, 6, 443, to] as unknown as Called
const tries = (source: string) =>
  [81, 82, 83].map(tcp => ({ source, destination: source.includes(':') ? '2001:db8::1' : '192.0.2.1', tcp }))

test('whoever sticks to whom we talk goes on in flows of ours; others gain nothing, and of strangers nobody asks', async () => {
  const { open, sockets, firewall, here, world } = fakeWorld()
  let asked = 0
  const { inUse } = world.surroundings
  world.surroundings.inUse = wanted => {
    asked++
    return inUse(wanted)
  }
  here.called = [flow(FLY), flow('203.0.113.9'), flow('2001:db8:7::5')]
  const called = () => [...firewall.elementsOf('flypaper_called').keys()]
  const called6 = () => [...firewall.elementsOf('flypaper_called6').keys()]
  using trap = open('promotion.per_second = 0')
  await until(() => asked === 1)
  sockets.deliver([{ source: '198.51.100.9', destination: '192.0.2.1', tcp: 81 }])
  await sleep(400)
  assert.equal(asked, 1, 'by a stranger')
  sockets.deliver([...tries(FLY), ...tries('2001:db8:7::5')], { channel: 'peer' })
  await until(() => called().length + called6().length === 2)
  assert.deepEqual([called(), called6()], [[String(flow(FLY))], [String(flow('2001:db8:7::5'))]])
  assert.ok(trap.flies.get(FLY as never, world.now()))
})

test('in a dry run nobody sticks', async () => {
  const { open, sockets, firewall, here } = fakeWorld()
  here.called = [flow(FLY)]
  using _trap = open('dry_run = true')
  sockets.deliver(tries(FLY), { channel: 'peer' })
  await sleep(400)
  await turns()
  assert.equal(firewall.elementsOf('flypaper_called').size, 0)
})

test('whoever sticks while it asks is asked for again, many of them once, and not without a rest', async () => {
  const begun: number[] = []
  let end = () => {}
  const renew = () => {
    begun.push(performance.now())
    return new Promise<number>(resolve => {
      end = () => resolve(600)
    })
  }
  using clock = openInUseClock(renew, { clock: () => performance.now() / 1000 }, () => assert.fail())
  for (let i = 0; i < 100; i++) clock.now()
  await until(() => begun.length === 1)
  for (let i = 0; i < 100; i++) clock.now()
  await sleep(100)
  assert.equal(begun.length, 1)
  end()
  await until(() => begun.length === 2)
  assert.ok(begun[1]! - begun[0]! >= 600, 'five times as long as it took')
  end()
  await sleep(300)
  assert.equal(begun.length, 2, 'nobody waits for it')
})
