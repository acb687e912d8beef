/** Doors that rules of others open under a condition: in the kernel's set as soon as the rules say so, out of it when they are at rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { facts, sight, statements } from '../doctor/facts.ts'
import { fakeWorld, until } from '../support/fake-world.ts'

const { ACCEPT, dport } = statements
const LIMIT = { limit: { rate: 3, burst: 5, per: 'minute' } }
const theirs = { family: 'inet', table: 'theirs' }
const rules = (...expr: readonly object[][]) =>
  facts({
    sight: sight({
      ruleset: {
        tables: [theirs],
        chains: [{ ...theirs, name: 'input', hook: 'input', priority: 0, policy: 'drop' }],
        rules: expr.map(one => ({ ...theirs, chain: 'input', expr: one })),
      },
    }),
  })

for (const closed of ['unaccepted', 'auto', 'unmatched'])
  test(`closed = "${closed}": doors are known when the trap is armed, and follow the rules`, () => {
    const fake = fakeWorld()
    const doors = () => Object.keys(fake.inKernel('flypaper_conditional'))
    fake.here.firewall = rules([dport(22), LIMIT, ACCEPT])
    using trap = fake.open(`closed = "${closed}"\ncapture = "log"`)
    assert.deepEqual(doors(), ['6,22'])
    fake.pass(6000)
    fake.here.firewall = rules([dport(22), LIMIT, ACCEPT], [dport(80), LIMIT, ACCEPT])
    trap.refresh()
    assert.deepEqual(doors().sort(), ['6,22', '6,80'])

    // They are written anew: for a moment there are none.
    fake.others.write()
    fake.here.firewall = rules()
    trap.refresh()
    assert.deepEqual(doors().sort(), ['6,22', '6,80'])
    fake.pass(6000)
    trap.refresh()
    if (trap.settings.closed !== 'listening') assert.deepEqual(doors(), [])
  })

test('any port: nobody is watched; a mode that refuses nothing itself has no doors', async () => {
  const fake = fakeWorld()
  fake.here.firewall = rules([LIMIT, ACCEPT])
  using trap = fake.open('closed = "unaccepted"\ncapture = "log"')
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_unsure')).sort(), ['10', '2'])
  await trap.reload(fake.settings('closed = "listening"\ncapture = "log"'))
  assert.ok(!fake.firewall.look()!.sets.some(({ name }) => name === 'flypaper_conditional'))
})

test('whoever was refused at a door before the rules were looked at is let go; the control at the next port is not', async () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "unaccepted"\ncapture = "log"')
  fake.pass(6000)
  fake.others.write()
  fake.here.firewall = rules([dport(22), LIMIT, ACCEPT])
  for (const [source, port] of [
    ['198.51.100.1', 22],
    ['198.51.100.2', 23],
  ] as const) {
    fake.firewall.others.add('flypaper_pending', source, 20)
    fake.passing.refuse(source, '192.0.2.1', 6, port)
  }
  fake.sockets.ring()
  await until(() => trap.flies.count(fake.now()) > 0)
  assert.deepEqual(
    [...trap.flies].map(([fly]) => fly),
    ['198.51.100.2'],
  )
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_pending')), ['198.51.100.2'])
})
