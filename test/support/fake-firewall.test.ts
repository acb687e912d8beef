/** What the fake promises beyond what test/system/firewall.test.ts compares with the kernel. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SetFull } from '../../src/arm/firewall.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { fakeFirewall } from './fake-firewall.ts'

const NOW = 1_000_000
const hosts = (...texts: string[]) => texts.map(text => ({ element: text as Address }))

function machine(toml = '') {
  const hands = { now: NOW }
  const firewall = fakeFirewall({ now: () => hands.now })
  firewall.load(render(rulesetOf(parseSettings(toml, 'test'), 'log')))
  const add = (...elements: { element: Address; seconds?: number }[]) =>
    firewall.change([{ change: 'add', set: 'flypaper', elements }])
  const flies = () => [...firewall.elementsOf('flypaper')]
  return { firewall, hands, add, flies }
}

test('elements end by themselves, and adding again does not renew them', () => {
  const { firewall, hands, add, flies } = machine()
  add({ element: '192.0.2.1' as Address, seconds: 60 }, ...hosts('192.0.2.2'))
  hands.now += 20_000
  add({ element: '192.0.2.1' as Address, seconds: 60 })
  assert.deepEqual(flies(), [
    ['192.0.2.1', 40],
    ['192.0.2.2', undefined],
  ])
  hands.now += 40_000
  assert.deepEqual(flies(), [['192.0.2.2', undefined]])
  firewall.change([{ change: 'add', set: 'flypaper_hold', elements: hosts('192.0.2.3') }])
  assert.deepEqual([...firewall.elementsOf('flypaper_hold')], [['192.0.2.3', 20]], 'the time of the set')
})

test('a set that is not there, a chain that is not there, a time where there are none, an overlap: refused', () => {
  const { firewall } = machine()
  const net = (text: string) => ({ element: parsePrefix(text)! })
  const refused: [Parameters<typeof firewall.change>[0][number], RegExp][] = [
    [{ change: 'add', set: 'flypaper_passing', elements: hosts('192.0.2.1') }, /no set flypaper_passing/],
    [{ change: 'empty', set: 'flypaper_unsure' }, /no set flypaper_unsure/],
    [{ change: 'append-jump', chain: 'nowhere', to: 'flypaper_input', comment: '' }, /no chain nowhere/],
    [{ change: 'delete-set', set: 'flypaper_hold' }, /flypaper_hold is busy/],
    [{ change: 'delete-chain', chain: 'flypaper_judge' }, /flypaper_judge is busy/],
    [
      { change: 'add', set: 'flypaper_own', elements: [{ ...net('192.0.2.0/24'), seconds: 5 }] },
      /takes no times/,
    ],
    [
      { change: 'add', set: 'flypaper_nets', elements: [net('192.0.2.0/24'), net('192.0.2.0/25')] },
      /192\.0\.2\.0\/25 overlaps 192\.0\.2\.0\/24/,
    ],
  ]
  for (const [change, message] of refused) assert.throws(() => firewall.change([change]), message)
  assert.throws(
    () => firewall.load('table inet filter {\n\tchain x {\n\t\tjump nowhere\n\t}\n}\n'),
    /nowhere/,
  )
  assert.throws(() => firewall.load('create table inet filter\n'), /cannot read/)
})

test('a transaction is done whole or not at all', () => {
  const { firewall, add, flies } = machine('sizes.flypaper = 1000')
  for (let n = 0; n < 999; n++) add(...hosts(`10.0.${n >> 8}.${n & 255}`))
  const seen = () => [flies().sort(), firewall.look()]
  const before = seen()
  assert.throws(
    () =>
      firewall.change([
        { change: 'empty', set: 'flypaper_own' },
        { change: 'remove', set: 'flypaper', elements: hosts('10.0.0.7') },
        { change: 'append-jump', chain: 'flypaper_end', to: 'flypaper_input', comment: '' },
      ]),
    /no chain flypaper_end/,
  )
  assert.throws(() => add(...hosts('192.0.2.1', '192.0.2.2')), SetFull)
  assert.deepEqual(seen(), before)
  add(...hosts('192.0.2.1'))
  add(...hosts('192.0.2.1'))
  assert.equal(firewall.transactions.length, 1001)
})

test('what is made anew has another handle; a table that stays has its own', () => {
  const { firewall } = machine()
  const handles = () => {
    const { handle, sets, rules } = firewall.look()!
    return [handle, sets.find(({ name }) => name === 'flypaper')!.handle, rules[0]!.handle]
  }
  const [table, set, rule] = handles()
  firewall.load(firewall.loaded[0]!)
  assert.deepEqual(handles().slice(0, 2), [table, set])
  assert.notEqual(handles()[2], rule, 'a rule is written anew by each load')
  firewall.others.flushRuleset()
  assert.equal(firewall.look(), undefined)
  assert.deepEqual(firewall.first('flypaper', 100), [])
  assert.deepEqual(firewall.take('flypaper', ['192.0.2.1' as Address]), [])
  firewall.load(firewall.loaded[0]!)
  const [table2, set2] = handles()
  assert.ok(table2 !== table && set2 !== set)
})

test('rules are read as far as somebody asks: jumps, sets, comments, counters, and where packets go', () => {
  const { firewall } = machine('closed = "unaccepted"')
  const { rules, chains } = firewall.look()!
  assert.ok(
    rules.some(({ chain, targets }) => chain === 'flypaper_judge' && targets.includes('flypaper_offence')),
  )
  assert.ok(rules.some(({ chain, sets }) => chain === 'flypaper_early' && sets.includes('flypaper')))
  assert.deepEqual(
    rules.flatMap(({ chain, handsOver }) =>
      chain === 'flypaper_offence' && handsOver ? [[handsOver.kind, handsOver.number]] : [],
    ),
    [['log', 4242]],
  )
  assert.deepEqual(
    chains.find(({ name }) => name === 'flypaper_early'),
    { name: 'flypaper_early', hook: 'prerouting', priority: -450, policy: 'accept' },
  )
})

test('it refuses what it is told to, changes or rulesets, until it is told otherwise', () => {
  const { firewall, add, flies } = machine()
  {
    using _ = firewall.refuse(asked => typeof asked !== 'string', new Error('busy'))
    assert.throws(() => add(...hosts('192.0.2.1')), /busy/)
    firewall.load(firewall.loaded[0]!)
  }
  add(...hosts('192.0.2.1'))
  assert.equal(flies().length, 1)
})

test('others add, delete and flush, and nothing of it is a transaction of ours', () => {
  const { firewall, flies } = machine()
  firewall.others.add('flypaper', '192.0.2.1', 60)
  firewall.others.add('flypaper', '192.0.2.2')
  firewall.others.delete('flypaper', '192.0.2.2')
  assert.deepEqual(flies(), [['192.0.2.1', 60]])
  firewall.others.flushChain('flypaper_judge')
  assert.ok(!firewall.look()!.rules.some(({ chain }) => chain === 'flypaper_judge'))
  assert.deepEqual(firewall.transactions, [])
})
