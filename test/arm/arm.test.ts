import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arm, isArmed } from '../../src/arm/arm.ts'
import { disarm, disarming } from '../../src/arm/disarm.ts'
import type { Change, RuleView, TableView } from '../../src/arm/firewall.ts'
import { CHAINS, isOurs, SETS } from '../../src/arm/names.ts'
import { nearOf } from '../../src/arm/near.ts'
import { MOVED_MAX } from '../../src/arm/outgrown.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Surroundings } from '../../src/arm/surroundings.ts'
import { neighbourhoodChanges, servedChanges, singlePrefixes } from '../../src/arm/surroundings.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { closedMode, neverOf } from '../../src/settings/settings.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { EMPTY, prefixesIn, prefixSet } from '../../src/terms/prefix-set.ts'
import { type Asked, fakeFirewall } from '../support/fake-firewall.ts'

const address = (text: string) => text as Address
const NONE_SHARED = { single: [] }
const prefix = (text: string) => parsePrefix(text)!

const NEAR = {
  own: [address('192.0.2.1'), address('fe80::1'), address('2001:db8:1::1')],
  gateways: [address('192.0.2.254'), address('fe80::254')],
  resolvers: [address('192.0.2.254'), address('2001:db8:53::53')],
  onLink6: [prefix('2001:db8:1::/64')],
  links: [],
  inside: [],
}

function surroundings(changes: Partial<Surroundings> = {}): Surroundings {
  return {
    reread: async () => {},
    rereadResolvers: async () => {},
    neighbourhood: () => NEAR,
    served: () => [
      [6, 22],
      [17, 53],
    ],
    bound: () => [],
    connected: () => [address('198.51.100.7'), address('2001:db8:7::7')],
    inUse: async () => ({ hosts: [], called: [] }),
    talking: async () => new Set(),
    uplinks: () => [],
    present: names => names,
    doors: () => [],
    balances: () => false,
    forwards: () => false,
    firstLocalPort: () => 32_768,
    localPorts: () => [32_768, 60_999],
    remarks: () => [],
    uptime: () => 1000,
    ...changes,
  }
}

const armWith = (
  firewall: ReturnType<typeof fakeFirewall>,
  toml = '',
  world = surroundings(),
  flies: { fly: Fly; seconds?: number }[] = [],
  recalled: readonly Change[] = [],
  grace = 0,
) =>
  arm({
    firewall,
    surroundings: world,
    ...settled(toml),
    near: nearOf(world.neighbourhood(), EMPTY, NONE_SHARED),
    never: neverOf(parseSettings(toml, 'test')),
    flies: () => flies,
    recalled,
    grace,
  })

/** As a daemon does that has armed before, beside nobody. */
function armAgain(
  firewall: ReturnType<typeof fakeFirewall>,
  toml: string,
  known: Pick<Parameters<typeof arm>[0], 'flies' | 'byHand'>,
  options: Parameters<typeof arm>[1],
) {
  return arm(
    {
      firewall,
      surroundings: surroundings(),
      ...settled(toml),
      near: nearOf(NEAR, EMPTY, NONE_SHARED),
      never: EMPTY,
      ...known,
      recalled: [],
      grace: 0,
    },
    options,
  )
}

function settled(toml: string) {
  const settings = { ...parseSettings(toml, 'test'), closed: closedMode(parseSettings(toml, 'test')) }
  return { settings, ruleset: rulesetOf(settings, 'log') }
}

test('arming fills the sets that spare the innocent before it loads the rules', () => {
  const firewall = fakeFirewall()
  let judged = false
  const load = firewall.load
  firewall.load = text => {
    if (text.includes('jump flypaper_judge')) {
      judged = true
      assert.deepEqual([...firewall.elementsOf('flypaper_own').keys()], ['192.0.2.1', '192.0.2.254'])
      assert.deepEqual([...firewall.elementsOf('flypaper_served').keys()], ['6,22', '17,53'])
      assert.deepEqual([...firewall.elementsOf('flypaper_known').keys()], ['198.51.100.7'])
      assert.deepEqual([...firewall.elementsOf('flypaper_known6').keys()], ['2001:db8:7::'])
      assert.deepEqual([...firewall.elementsOf('flypaper').entries()], [['69.0.231.79', 60]])
    }
    load(text)
  }
  const flies = [{ fly: '69.0.231.79' as Fly, seconds: 60 }]
  assert.deepEqual(armWith(firewall, '', surroundings(), flies), { table: 'made', isFresh: true })
  assert.ok(judged && isArmed(firewall.look()!))
})

test('the grace time is counted by the kernel', () => {
  const firewall = fakeFirewall()
  armWith(firewall, '', surroundings(), [], [], 40)
  assert.deepEqual(
    [...firewall.elementsOf('flypaper_grace')],
    [
      ['2', 40],
      ['10', 40],
    ],
  )
})

test('what was known before is recalled at the first arming only: a live trap knows better', () => {
  const firewall = fakeFirewall()
  const recalled: Change[] = [
    { change: 'add', set: 'flypaper_peers', elements: [{ element: address('198.51.100.9') }] },
  ]
  armWith(firewall, '', surroundings(), [], recalled)
  assert.deepEqual([...firewall.elementsOf('flypaper_peers').keys()], ['198.51.100.9'])
  firewall.others.delete('flypaper_peers', '198.51.100.9')
  assert.equal(armWith(firewall, '', surroundings(), [], recalled).table, 'ours')
  assert.equal(firewall.elementsOf('flypaper_peers').size, 0)
})

test('what was asked before the first arming is not known; a live trap knows it, and after a flush nobody does', () => {
  const firewall = fakeFirewall()
  const forgotten = () => [...firewall.elementsOf('flypaper_forgotten').keys()].map(String)
  const forget = () => {
    for (const family of forgotten()) firewall.others.delete('flypaper_forgotten', family)
  }
  armWith(firewall)
  assert.deepEqual(forgotten(), ['2', '10'])
  forget()
  armWith(firewall)
  assert.deepEqual(forgotten(), [])
  armAgain(firewall, '', { flies: () => [] }, { isRearm: true })
  assert.deepEqual(forgotten(), ['2', '10'])
})

test('a set of another size is made anew with its flies', () => {
  const firewall = fakeFirewall()
  armWith(firewall)
  armWith(firewall, '[sizes]\nflypaper = 5000', surroundings(), [{ fly: '69.0.231.79' as Fly, seconds: 60 }])
  const anew = firewall.loaded.find(text => text.includes('delete set inet filter flypaper\n'))!
  assert.match(
    anew,
    /delete set inet filter flypaper\n[\s\S]*size 5000[\s\S]*elements = \{ 69\.0\.231\.79 timeout 60s \}/,
  )
  assert.equal(firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.size, 5000)
})

test('what spares is in its set again after that was made anew with another size', () => {
  const firewall = fakeFirewall()
  const { settings, ruleset } = settled('')
  const sets = ruleset.sets.map(set => (set.name === 'flypaper_served' ? { ...set, size: 7 } : set))
  const near = nearOf(NEAR, EMPTY, NONE_SHARED)
  const rest = { near, never: EMPTY, flies: () => [], recalled: [], grace: 0 }
  arm({ firewall, surroundings: surroundings(), settings, ruleset: { ...ruleset, sets }, ...rest })
  armWith(firewall)
  const served = firewall.look()!.sets.find(({ name }) => name === 'flypaper_served')!
  assert.ok(served.size !== 7)
  assert.deepEqual([...firewall.elementsOf('flypaper_served').keys()], ['6,22', '17,53'])
})

test('a set without a counter is made anew with its flies: with the rules that ask it, else before there are any', () => {
  const firewall = fakeFirewall()
  const flies = [{ fly: '69.0.231.79' as Fly, seconds: 60 }]
  const old = '[lockout]\nwhile_trying = false'
  const counts = () => firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.counter
  armWith(firewall, old, surroundings(), flies)
  assert.equal(counts(), false)
  const before = firewall.loaded.length
  armWith(firewall, '', surroundings(), flies)
  const [anew] = firewall.loaded.slice(before)
  assert.match(
    anew!,
    /flush chain[\s\S]*delete set inet filter flypaper\n[\s\S]*counter\n[\s\S]*69\.0\.231\.79 timeout 60s[\s\S]*drop/,
  )
  assert.equal(counts(), true)
  disarm(firewall, { keepFlies: true, madeTable: false })
  const from = firewall.loaded.length
  armAgain(firewall, old, { flies: () => flies }, { skipRestore: true })
  assert.doesNotMatch(firewall.loaded[from]!, /flush chain|elements =|\bdrop\b/)
  assert.deepEqual([counts(), [...firewall.elementsOf('flypaper')]], [false, [['69.0.231.79', 60]]])
})

test('while the daemon judges, many flies are not moved to another set: it is said what to do, and the trap stays', () => {
  const firewall = fakeFirewall()
  const flies = Array.from({ length: MOVED_MAX + 1 }, (_, n) => ({
    fly: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` as Fly,
    seconds: 60,
  }))
  const again = (toml: string, isJudging: boolean, some = flies) =>
    armAgain(firewall, toml, { flies: () => some }, { skipRestore: true, isJudging })
  const off = '[lockout]\nwhile_trying = false'
  const counts = () => firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.counter
  armWith(firewall, '', surroundings(), flies)
  assert.throws(() => again(off, true), {
    exit: 69,
    message: /more than 10,000 flies/,
    hint: /flypaperd restart/,
  })
  assert.ok(isArmed(firewall.look()!))
  assert.equal(counts(), true)
  again(off, true, flies.slice(1))
  assert.equal(counts(), false, 'fewer are moved')
  again('', false)
  assert.equal(counts(), true, 'a start moves them all')
})

test('whom a person has locked out is written with the flies, in pieces; a reload finds it there, and writes nothing', () => {
  const firewall = fakeFirewall()
  const flies = Array.from({ length: 1000 }, (_, n) => ({
    fly: `10.0.${n >> 8}.${n & 255}` as Fly,
    seconds: 60,
  }))
  const again = (toml: string, options: Parameters<typeof arm>[1]) => {
    const from = firewall.transactions.length
    armAgain(firewall, toml, { flies: () => flies, byHand: () => flies }, options)
    const written = firewall.transactions
      .slice(from)
      .map(changes =>
        changes.flatMap(one => (one.change === 'add' && one.set === 'flypaper_by_hand' ? one.elements : [])),
      )
    return Math.max(...written.map(({ length }) => length))
  }
  const there = () => firewall.elementsOf('flypaper_by_hand').size
  const start = again('', {})
  assert.ok(start > 0 && start < 500, `${start} in one transaction`)
  assert.equal(there(), 1000)
  assert.equal(again('hold = "19s"', { skipRestore: true, isJudging: true }), 0)
  assert.equal(there(), 1000)
  assert.ok(
    again('[sizes]\nflypaper = 2000', { skipRestore: true, isJudging: true }) > 0,
    'a set that was made anew',
  )
  assert.equal(there(), 1000)
  firewall.others.flushRuleset()
  assert.ok(again('', { isRearm: true }) > 0)
  assert.equal(there(), 1000)
})

test('what the kernel lacks is said, with 69, and nothing is left behind', () => {
  const firewall = fakeFirewall({ lacking: { socket: true } })
  assert.throws(() => armWith(firewall), { exit: 69, message: /lacks the module nft_socket/ })
  assert.equal(firewall.look(), undefined)
})

test('when the rules are refused, the sets go again; a trap that was armed stays', () => {
  const firewall = fakeFirewall()
  const rules = (asked: Asked) => typeof asked === 'string' && asked.includes('jump flypaper_judge')
  {
    using _ = firewall.refuse(rules, new Error('refused'))
    assert.throws(() => armWith(firewall), /refused/)
    assert.equal(firewall.look(), undefined)
  }
  armWith(firewall)
  firewall.refuse(rules, new Error('refused'))
  assert.throws(() => armWith(firewall), /refused/)
  assert.ok(isArmed(firewall.look()!))
})

test('jumps are appended once, and a chain that is not there is a mistake of the settings', () => {
  const chains = [
    { name: 'input', hook: 'input' },
    { name: 'forward', hook: 'forward' },
  ]
  const firewall = fakeFirewall({ theirs: { chains } })
  const toml = '[chains]\ninput = ["input"]\nforward = ["forward"]'
  assert.equal(armWith(firewall, toml).table, 'shared')
  armWith(firewall, toml)
  const his = () => firewall.look()!.rules.filter(({ chain }) => !isOurs(chain))
  const jumps = his().map(({ chain, targets }) => `${chain} → ${targets}`)
  assert.deepEqual(jumps, ['input → flypaper_input', 'forward → flypaper_forward'])
  armWith(firewall, '[chains]\ninput = ["input", "input"]')
  assert.deepEqual(
    his().map(({ chain }) => chain),
    ['input'],
    'forward is named no more',
  )
  armWith(firewall, '[chains]\ninput = ["forward"]')
  assert.deepEqual(
    his().map(({ chain }) => chain),
    ['forward'],
  )
  assert.throws(() => armWith(firewall, '[chains]\ninput = ["nowhere"]'), { exit: 78 })
  disarm(firewall, { keepFlies: false, madeTable: false })
  const { handle: _, ...left } = firewall.look()!
  assert.deepEqual(left, { flags: [], chains, sets: [], rules: [], others: [], mapTargets: [] })
})

test('a jump that he wrote himself is neither doubled nor taken away', () => {
  const rules = [
    { chain: 'input', handle: 7, targets: ['flypaper_input'], sets: [] },
    { chain: 'guests', handle: 8, targets: ['flypaper_input'], sets: [] },
  ]
  const chains = [{ name: 'input', hook: 'input' }, { name: 'guests' }]
  const firewall = fakeFirewall({ theirs: { chains, rules } })
  armWith(firewall, '[chains]\ninput = ["input"]')
  armWith(firewall, 'closed = "unmatched"')
  assert.deepEqual(
    firewall.look()!.rules.filter(({ chain }) => !isOurs(chain)),
    rules,
  )
})

test('a rule in a chain of his that is called like ours counts as his', () => {
  const table: TableView = {
    chains: [{ name: 'flypaper_input' }, { name: 'flypaper_office' }],
    sets: [],
    rules: [{ chain: 'flypaper_office', handle: 7, targets: ['flypaper_input'], sets: [] }],
    others: [],
    mapTargets: [],
  }
  assert.deepEqual(disarming(table, { keepFlies: false, madeTable: true }), [
    { change: 'flush-chain', chain: 'flypaper_input' },
  ])
})

test('disarming keeps the flies, what his rules refer to, and a table that is not ours alone', () => {
  const rule = (chain: string, rest: Partial<RuleView>): RuleView => ({
    chain,
    handle: 1,
    targets: [],
    sets: [],
    ...rest,
  })
  const table: TableView = {
    chains: [...CHAINS.map(name => ({ name })), { name: 'input' }],
    sets: SETS.map(name => ({ name, flags: [] })),
    rules: [rule('input', { targets: ['flypaper_input'] }), rule('input', { sets: ['flypaper_hold'] })],
    others: [],
    mapTargets: ['flypaper_forward'],
  }
  const changes = disarming(table, { keepFlies: true, madeTable: true })
  const deleted = changes.flatMap(change =>
    'chain' in change && change.change === 'delete-chain'
      ? change.chain
      : change.change === 'delete-set'
        ? change.set
        : [],
  )
  assert.deepEqual(
    [...CHAINS, ...SETS].filter(name => !deleted.includes(name)),
    ['flypaper_input', 'flypaper_forward', 'flypaper', 'flypaper6', 'flypaper_hold'],
  )
  assert.ok(!changes.some(({ change }) => change === 'delete-table'))
  const ours = { ...table, chains: table.chains.slice(0, -1), rules: [], mapTargets: [] }
  assert.equal(disarming(ours, { keepFlies: false, madeTable: true }).at(-1)!.change, 'delete-table')
  assert.notEqual(disarming(ours, { keepFlies: false, madeTable: false }).at(-1)!.change, 'delete-table')
})

test('hosts stick one by one on our links, behind NAT64, where the settings say so, and where one of the never-list lives', () => {
  const singles = singlePrefixes(
    NEAR,
    prefixSet([prefix('2001:db8:51:1::7'), prefix('2001:db8:52::/48'), prefix('192.0.2.7')]),
    parseSettings('shared.single = ["2001:db8:64::/96"]', 'test').shared,
  )
  assert.deepEqual(
    [...prefixesIn(singles)].map(({ text }) => text),
    [
      '64:ff9b::/96',
      '2001:db8:1::/64',
      '2001:db8:51:1::/64',
      '2001:db8:52::/48',
      '2001:db8:53::/64',
      '2001:db8:64::/64',
      'fe80::/64',
    ],
  )
})

test('the sets of who is near are emptied and filled in one transaction, without overlaps', () => {
  const changes = neighbourhoodChanges(NEAR, parseSettings('', 'test'))
  const own = changes.find(change => change.change === 'add' && change.set === 'flypaper_own')
  assert.deepEqual(
    own && 'elements' in own && own.elements.map(({ element }) => (element as { text: string }).text),
    ['192.0.2.1', '192.0.2.254'],
  )
  assert.equal(changes.filter(({ change }) => change === 'empty').length, 6)
  assert.deepEqual(servedChanges([]), [])
  assert.deepEqual(
    servedChanges([[6, 22]]).map(({ change }) => change),
    ['remove', 'add'],
  )
})

test('closed = "unaccepted": the uplinks are told, beside IPVS nobody is watched, and nothing stays in another mode', () => {
  const firewall = fakeFirewall()
  const elements = (set: 'flypaper_outside' | 'flypaper_unsure') =>
    [...firewall.elementsOf(set).keys()].map(String)
  armWith(firewall, 'closed = "unaccepted"', surroundings({ uplinks: () => ['eth3'] }))
  assert.deepEqual([elements('flypaper_outside'), elements('flypaper_unsure')], [['eth3'], []])
  armWith(firewall, 'closed = "unaccepted"', surroundings({ balances: () => true }))
  assert.deepEqual([elements('flypaper_outside'), elements('flypaper_unsure')], [[], ['2', '10']])
  armWith(firewall, 'closed = "listening"', surroundings({ uplinks: () => ['eth4'] }))
  const { chains, sets } = firewall.look()!
  const names = [...chains, ...sets].map(({ name }) => name).filter(name => /watch|_end|passing/.test(name))
  assert.deepEqual(names, [])
  assert.deepEqual(elements('flypaper_outside'), ['eth4'], 'what is inside is told by it in every mode')
})

test('doors are told as they are now, unless the settings want none', () => {
  const firewall = fakeFirewall()
  const doors = () => [...firewall.elementsOf('flypaper_doors').keys()].map(String)
  const two = surroundings({
    doors: () => [
      [17, 51_820],
      [17, 51_821],
    ],
  })
  armWith(firewall, '', two)
  assert.deepEqual(doors(), ['17,51820', '17,51821'])
  armWith(firewall, '', surroundings({ doors: () => [[17, 51_821]] }))
  assert.deepEqual(doors(), ['17,51821'])
  armWith(firewall, 'doors = false', two)
  assert.deepEqual(doors(), [])
})

test('no trap is put into a table with a flag, nor is anything of it changed, also when it is armed again', () => {
  for (const [flag, told] of [
    ['dormant', /^table inet filter sleeps \(flags dormant\)/],
    ['owner', /^table inet filter belongs to another program/],
    ['persist', /^table inet filter has flags that the kernel does not let us keep: persist$/],
  ] as const) {
    const firewall = fakeFirewall({ theirs: { chains: [{ name: 'input', hook: 'input' }], flags: [flag] } })
    const before = firewall.look()
    for (const isRearm of [false, true]) {
      const { settings, ruleset } = settled('')
      const near = nearOf(NEAR, EMPTY, NONE_SHARED)
      const rest = { near, never: EMPTY, flies: () => [], recalled: [], grace: 0 }
      assert.throws(
        () => arm({ firewall, surroundings: surroundings(), settings, ruleset, ...rest }, { isRearm }),
        (error: Error & { exit?: number; hint?: string }) =>
          told.test(error.message) && error.exit === 78 && error.hint !== undefined,
      )
    }
    assert.deepEqual([firewall.look(), firewall.loaded, firewall.transactions], [before, [], []])
  }
  const asleep = fakeFirewall({
    theirs: { chains: [{ name: 'flypaper_early', hook: 'prerouting' }], flags: ['dormant'] },
  })
  assert.equal(isArmed(asleep.look()!), false, 'a trap that sleeps is none')
})

test('no text that is loaded has elements in it: libnftables would fetch those of everybody', () => {
  const firewall = fakeFirewall()
  for (let times = 0; times < 2; times++) armWith(firewall, 'never = ["198.51.100.0/24", "2001:db8:9::/48"]')
  assert.deepEqual([...firewall.elementsOf('flypaper_never').keys()], ['198.51.100.0/24'])
  assert.deepEqual([...firewall.elementsOf('flypaper_never6').keys()], ['2001:db8:9::/48'])
  assert.ok(firewall.loaded.length > 1 && firewall.loaded.every(text => !/elements =|element /.test(text)))
})

test('the innocent are spared before the rules come, also when the set of the flies is made anew', () => {
  const firewall = fakeFirewall()
  const fly = { fly: '198.51.100.9' as Fly }
  armWith(firewall, '', surroundings(), [fly])
  disarm(firewall, { keepFlies: true, madeTable: false })
  assert.throws(() => firewall.elementsOf('flypaper_never'), 'it went with the rules')
  const { load } = firewall
  let judged = 0
  firewall.load = text => {
    if (text.includes('jump flypaper_judge')) {
      judged++
      assert.deepEqual([...firewall.elementsOf('flypaper_never').keys()], ['198.51.100.0/28'])
      assert.ok(firewall.elementsOf('flypaper_own').size > 0)
    }
    load(text)
  }
  armWith(firewall, 'never = ["198.51.100.0/28"]\n[sizes]\nflypaper = 5000', surroundings(), [fly])
  assert.ok(judged > 0 && firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.size === 5000)
  assert.ok(firewall.elementsOf('flypaper_known').has('198.51.100.7'))
})
