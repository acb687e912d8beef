/** What others do to the kernel's sets and rules, and what is set right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fly } from '../../src/terms/fly.ts'
import { FIRST, fakeWorld, turns, until } from '../support/fake-world.ts'
import { freed } from '../support/freed.ts'

const packet = (source: string, tcp = 81) => ({ source, destination: '192.0.2.1', tcp })
const flyNames = (trap: { flies: Iterable<readonly [string, unknown]> }) =>
  [...trap.flies].map(([fly]) => fly).sort()

function armed(toml = '') {
  const fake = fakeWorld()
  const trap = fake.open(toml)
  fake.sockets.deliver([packet('198.51.100.1'), packet('198.51.100.2')])
  return { ...fake, trap }
}

test('a foreign flush: armed again at once with all flies, the jumps and the grace, and who did it is named', async () => {
  const { trap, others, inKernel, firewall, said, eventsOf, pass } = armed()
  using _ = trap
  pass(FIRST / 2)
  others.flushRuleset()
  assert.deepEqual(inKernel(), { '198.51.100.1': 300, '198.51.100.2': 300 })
  assert.ok(firewall.look()!.rules.some(({ chain }) => chain === 'flypaper_judge'))
  assert.match(
    said.at(-1)!,
    /^nft, pid 4711, has removed a part of the trap: armed again with 2 flies, in \d+ ms$/,
  )
  assert.equal(eventsOf('rearmed').length, 1)
  assert.equal(trap.counts().rearmed, 1)
  await turns()
  assert.equal(trap.counts().mended, 0)
})

test('lost announcements, and a change that the kernel refuses: armed again', async () => {
  const { trap, kernelSets, sockets, firewall, inKernel, said } = armed()
  using _ = trap
  kernelSets.lose()
  assert.match(said.at(-1)!, /^some announcements of the kernel were lost: armed again/)
  {
    using _ = firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    sockets.deliver([packet('198.51.100.3')])
  }
  await until(() => trap.counts().rearmed === 2)
  assert.ok('198.51.100.3' in inKernel())
  assert.ok(
    said.some(line => line.startsWith('the kernel refused a change: Error: busy: armed again with 3 flies')),
  )
})

test('whom the kernel would not let go is taken out when it is armed again, and is not taken for one who was put in by hand', async () => {
  const { trap, firewall, inKernel, eventsOf } = armed()
  using _ = trap
  await turns()
  {
    using _ = firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    assert.deepEqual((await freed(trap, '198.51.100.1')).flies, ['198.51.100.1'])
    assert.ok('198.51.100.1' in inKernel())
  }
  await until(() => trap.counts().rearmed === 1)
  assert.deepEqual(Object.keys(inKernel()), ['198.51.100.2'])
  await turns()
  assert.deepEqual(flyNames(trap), ['198.51.100.2'])
  assert.equal(eventsOf('lockout').length, 2)
  assert.equal(
    trap.counts().mended,
    0,
    'the comparison, which may be of too many to be made, had nothing to do',
  )
})

test('a flush that the kernel refuses fails: all are flies as before', async () => {
  const { trap, firewall, inKernel, history, now, eventsOf } = armed()
  using _ = trap
  firewall.refuse(
    asked => typeof asked !== 'string' && asked.some(({ change }) => change === 'empty'),
    new Error('busy'),
  )
  await assert.rejects(trap.flush('root'), /busy/)
  assert.deepEqual([Object.keys(inKernel()).length, trap.flies.count(now()), history.count(now())], [2, 2, 2])
  assert.deepEqual(eventsOf('flush'), [])
})

test('drift: rules that are not as they should be are armed again at the next look, sets are compared at each tenth', async () => {
  const { trap, firewall, inKernel, said } = armed()
  using _ = trap
  await turns()
  trap.refresh()
  assert.equal(trap.counts().rearmed, 0, 'all is as it was')
  firewall.others.flushChain('flypaper_judge')
  trap.refresh()
  assert.match(
    said.at(-1)!,
    /^somebody has changed a part of the trap \(chain flypaper_judge is not what was armed\): armed again/,
  )
  assert.ok(firewall.look()!.rules.some(({ chain }) => chain === 'flypaper_judge'))
  await turns()
  firewall.others.delete('flypaper', '198.51.100.1')
  firewall.others.delete('flypaper', '198.51.100.2')
  firewall.others.add('flypaper', '198.51.100.2', 60)
  firewall.others.add('flypaper', '203.0.113.7', 900)
  for (let look = 3; look < 10; look++) trap.refresh()
  await turns()
  assert.deepEqual(Object.keys(inKernel()).length, 2, 'not yet')
  trap.refresh()
  await until(() => trap.counts().mended > 0)
  assert.deepEqual(inKernel(), { '198.51.100.1': 600, '198.51.100.2': 600, '203.0.113.7': 900 })
  assert.equal(trap.counts().mended, 2)
  assert.ok(said.includes('warning: 2 flies in the kernel were not as they should be, and are set right'))
  assert.deepEqual(flyNames(trap), ['198.51.100.1', '198.51.100.2', '203.0.113.7'])
})

test('in the sets and freed long ago: from a state file that was older, taken out again', async () => {
  const { trap, firewall, inKernel, history } = armed()
  await freed(trap, '198.51.100.1')
  firewall.others.add('flypaper', '198.51.100.1', 600)
  for (let look = 0; look < 10; look++) trap.refresh()
  await until(() => trap.counts().mended > 0)
  assert.deepEqual(Object.keys(inKernel()), ['198.51.100.2'])
  assert.equal(history.newest(9).length, 2)
  trap[Symbol.dispose]()
})

test('put in by somebody else: a fly by hand for the time that was said, once', async () => {
  const { trap, others, history, eventsOf, now } = armed()
  using _ = trap
  others.put('203.0.113.7', 600)
  others.put('203.0.113.7', 600)
  await until(() => trap.flies.has('203.0.113.7' as Fly))
  await turns()
  const { because, by, until: end } = history.find('203.0.113.7' as Fly, now())!
  assert.deepEqual([because, by, end], ['by-hand', 'nft, pid 4711', now() + 600_000])
  assert.equal(eventsOf('lockout').length, 3)
})

test('put in by somebody else, who is never locked out: taken out again, and said once a minute', async () => {
  const { trap, others, inKernel, said, history, now } = armed('never = ["203.0.113.0/24"]')
  using _ = trap
  others.put('203.0.113.7', 600)
  others.put('192.0.2.254')
  others.put('127.0.0.1')
  await until(() => Object.keys(inKernel()).length === 2)
  assert.deepEqual(flyNames(trap), ['198.51.100.1', '198.51.100.2'])
  assert.equal(history.count(now()), 2)
  assert.deepEqual(
    said.filter(line => line.includes('put')),
    [
      'error: nft, pid 4711, has put 203.0.113.7 into flypaper, but never-list, own addresses, gateways and resolvers are never locked out: taken out again',
    ],
  )
})

test('taken out by somebody else: free, told, and what counted against him is forgotten', async () => {
  const { trap, others, sockets, history, eventsOf, now } = armed()
  using _ = trap
  for (const port of [1, 2])
    sockets.deliver([packet('198.51.100.1', port), packet('203.0.113.1', port)], { channel: 'peer' })
  others.take('198.51.100.1')
  await until(() => !trap.flies.has('198.51.100.1' as Fly))
  assert.deepEqual(eventsOf('free'), [{ event: 'free', source: '198.51.100.1', by: 'nft, pid 4711' }])
  assert.equal(history.find('198.51.100.1' as Fly, now()), undefined)
  sockets.deliver([packet('198.51.100.1', 3), packet('203.0.113.1', 3)], { channel: 'peer' })
  assert.deepEqual(
    flyNames(trap),
    ['198.51.100.2', '203.0.113.1'],
    'the third port of the other one is the last',
  )
})
