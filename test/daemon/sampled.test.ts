/** A sample of the ports that flies go on to try: the whole daemon in a fake world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BEGIN, fakeWorld } from '../support/fake-world.ts'

const FLY = '203.0.113.5'
const ON = '[history]\nsamples_per_second = 10\n'
const packet = (source: string, tcp: number) => ({ source, destination: '192.0.2.1', tcp })

function withFly(toml: string) {
  const fake = fakeWorld()
  const trap = fake.open(toml)
  fake.sockets.deliver([packet(FLY, 81)])
  fake.pass(1000)
  trap.refresh()
  return { fake, trap }
}

test('of flies it is noted, of nobody else; and where the settings want none, nobody is told', async () => {
  const { fake, trap } = withFly(ON)
  using _ = trap
  fake.sockets.sample([packet(FLY, 22), packet('203.0.113.6', 23), { ...packet(FLY, 80) }, new Uint8Array(3)])
  trap.refresh()
  assert.deepEqual(fake.history.sampleOf([FLY]), { last: BEGIN + 1000, ports: ['tcp/22', 'tcp/80'] })
  assert.equal(fake.history.sampleOf(['203.0.113.6']), undefined)
  await trap.reload(fake.settings(''))
  assert.throws(() => fake.sockets.sample([packet(FLY, 24)]), /nobody listens/)
  await trap.reload(fake.settings(ON))
  fake.sockets.sample([packet(FLY, 24)])
  trap.refresh()
  assert.deepEqual(fake.history.sampleOf([FLY])?.ports, ['tcp/22', 'tcp/80', 'tcp/24'])
})

test("a forger's packets in a fly's name add ports to its sample, and do nothing else", () => {
  const { fake, trap } = withFly(ON)
  using _ = trap
  const state = () => ({
    row: fake.history.find(FLY as never, fake.now()),
    flies: trap.flies.count(fake.now()),
    kernel: Object.keys(fake.inKernel()),
    counts: trap.counts(),
    sightings: fake.history.sightingsOf([FLY]),
    lockouts: fake.eventsOf('lockout').length,
  })
  const before = state()
  const forged = Array.from({ length: 500 }, (_, i) => packet(FLY, 1000 + i))
  fake.sockets.sample(forged)
  trap.refresh()
  assert.deepEqual(state(), before)
  assert.equal(fake.history.sampleOf([FLY])?.ports.length, 32)
})

test('in a dry run nobody sticks, so there is nothing to tell; a kernel without log is told of', () => {
  const dry = fakeWorld()
  using _ = dry.open(`dry_run = true\n${ON}`)
  assert.throws(() => dry.sockets.sample([packet(FLY, 24)]), /nobody listens/)
  const without = fakeWorld()
  const { supports } = without.world.firewall
  without.world.firewall.supports = statement => statement !== 'log' && supports(statement)
  using __ = without.open(ON)
  assert.throws(() => without.sockets.sample([packet(FLY, 24)]), /nobody listens/)
  assert.ok(without.said.some(line => line.includes('history.samples_per_second is off')))
})
