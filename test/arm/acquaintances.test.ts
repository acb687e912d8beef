import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACQUAINTANCES_MAX, openAcquaintances } from '../../src/arm/acquaintances.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import type { Address } from '../../src/terms/address.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'

const NOW = 1_000_000_000_000
const HOUR = 3_600_000

function machine(notes = new Map<string, string>()) {
  const firewall = fakeFirewall()
  firewall.load(render(rulesetOf(parseSettings('', 'test'), 'log')))
  const meta = {
    getMeta: (key: string) => notes.get(key),
    setMeta: (key: string, text: string) => void notes.set(key, text),
  }
  const meets = (set: 'flypaper_peers' | 'flypaper_known6', host: string, seconds: number) =>
    firewall.change([{ change: 'add', set, elements: [{ element: host as Address, seconds }] }])
  const has = (set: string) => [...firewall.elementsOf(set).keys()]
  return { firewall, notes, acquaintances: openAcquaintances(firewall, meta), meets, has }
}

test('what was known at the end is known at the next start, for a day', () => {
  const before = machine()
  before.meets('flypaper_peers', '192.0.2.8', 60)
  before.meets('flypaper_known6', '2001:db8:2::', 60)
  before.acquaintances.rememberAtEnd([[6, 22]], NOW)
  const after = machine(before.notes)
  after.firewall.change(after.acquaintances.recall(NOW + 23 * HOUR))
  assert.deepEqual(after.has('flypaper_peers'), ['192.0.2.8'])
  assert.deepEqual(after.has('flypaper_known6'), ['2001:db8:2::'])
  assert.deepEqual(after.has('flypaper_served'), ['6,22'])
  assert.deepEqual(machine(before.notes).acquaintances.recall(NOW + 25 * HOUR), [])
})

test('at most so many of each set: those that were met last, also at the end, when a larger set is not read again', async () => {
  const { acquaintances, meets, notes, firewall } = machine()
  const host = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
  for (let i = 0; i <= ACQUAINTANCES_MAX; i++) meets('flypaper_peers', host(i), i + 1)
  await acquaintances.remember([], NOW)
  const remembered = () => JSON.parse(notes.get('acquaintances')!).hosts
  assert.equal(remembered().flypaper_peers.length, ACQUAINTANCES_MAX)
  assert.ok(!remembered().flypaper_peers.includes(host(0)))
  assert.equal(firewall.wasRead.length, 4)
  notes.clear()
  await acquaintances.remember([], NOW + 60_000)
  assert.equal(notes.size, 0, 'not yet')
  meets('flypaper_known6', '2001:db8:2::', 60)
  acquaintances.rememberAtEnd([], NOW + 60_000)
  assert.equal(firewall.wasRead.length, 4)
  assert.equal(remembered().flypaper_peers.length, ACQUAINTANCES_MAX)
  assert.ok(!remembered().flypaper_peers.includes(host(0)))
  assert.deepEqual(remembered().flypaper_known6, ['2001:db8:2::'])
})

test('what was still being read at the end is not written over what was known then', async () => {
  const { acquaintances, meets, notes } = machine()
  const reading = acquaintances.remember([], NOW)
  meets('flypaper_peers', '192.0.2.8', 60)
  acquaintances.rememberAtEnd([[6, 22]], NOW)
  await reading
  assert.deepEqual(JSON.parse(notes.get('acquaintances')!).served, [[6, 22]])
})

test('what cannot be read is forgotten', () => {
  for (const text of [
    '',
    '[',
    'null',
    '7',
    '{"at":"now"}',
    `{"at":${NOW}}`,
    `{"at":${NOW},"hosts":{"flypaper_peers":7},"served":[]}`,
  ])
    assert.deepEqual(machine(new Map([['acquaintances', text]])).acquaintances.recall(NOW), [], text)
  const evil = {
    flypaper_peers: ['192.0.2.8', 'evil; flush ruleset', 7],
    flypaper_peers6: [],
    flypaper_known: [],
    flypaper_known6: [],
  }
  const { firewall, acquaintances, has } = machine(
    new Map([
      ['acquaintances', JSON.stringify({ at: NOW, hosts: evil, served: [[6, 22], [6, 99_999], 'x'] })],
    ]),
  )
  firewall.change(acquaintances.recall(NOW))
  assert.deepEqual(has('flypaper_peers'), ['192.0.2.8'])
  assert.deepEqual(has('flypaper_served'), ['6,22'])
})
