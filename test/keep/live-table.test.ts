import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPENDED } from '../../src/arm/names.ts'
import { devicesText } from '../../src/arm/ruleset/ingress.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { auditor } from '../../src/keep/audit.ts'
import { faultsOf, type LiveChain, type LiveSet, type LiveTable } from '../../src/keep/live-table.ts'
import { parseSettings } from '../../src/settings/load.ts'

const ruleset = rulesetOf(parseSettings('closed = "listening"', 'test'), 'log')
const wanted = { ruleset, chains: ['input'] }

/** As the kernel has it when it was armed. */
const whole: LiveTable = {
  handle: 7,
  isDormant: false,
  chains: [
    ...ruleset.chains.map(({ name, hook }, i) => ({ name, hook, handle: i })),
    { name: 'input', handle: 99 },
  ],
  sets: ruleset.sets.map(({ name, flags = [], size, timeout, counter }, i) => ({
    name,
    flags,
    size,
    timeout,
    counter,
    handle: i,
  })),
  rules: new Map([
    ['flypaper_early', [{ handle: 100 }, { handle: 101 }]],
    ['input', [{ handle: 5 }, { handle: 6, comment: APPENDED }]],
  ]),
}
const withChain = (name: string, changes: Partial<LiveChain>): LiveTable => ({
  ...whole,
  chains: whole.chains.map(chain => (chain.name === name ? { ...chain, ...changes } : chain)),
})
const withSet = (name: string, changes: Partial<LiveSet>): LiveTable => ({
  ...whole,
  sets: whole.sets.map(set => (set.name === name ? { ...set, ...changes } : set)),
})
const withRules = (chain: string, rules: readonly { handle: number; comment?: string }[]): LiveTable => ({
  ...whole,
  rules: new Map([...whole.rules, [chain, rules]]),
})

test('a whole trap has no faults; what is missing, another or too much is named', () => {
  assert.deepEqual(faultsOf(whole, wanted), [])
  assert.deepEqual(faultsOf(undefined, wanted), ['table inet filter is gone'])
  for (const [table, fault] of [
    [withChain('flypaper_early', { name: 'stranger' }), 'chain flypaper_early is missing'],
    [
      withChain('flypaper_stuck', { hook: 'type filter hook input priority 0; policy drop;' }),
      'chain flypaper_stuck has type filter hook input priority 0; policy drop;',
    ],
    [withChain('flypaper_early', { hook: undefined }), 'chain flypaper_early has no hook'],
    [
      withChain('input', { name: 'flypaper_strays', hook: 'type …' }),
      'there is a chain flypaper_strays with type …',
    ],
    [withSet('flypaper', { name: 'stranger' }), 'set flypaper is missing'],
    [withSet('flypaper', { size: 3 }), 'set flypaper has size 3, not 1048576'],
    [withSet('flypaper_own', { size: 3 }), 'set flypaper_own has size 3, not none'],
    [withSet('flypaper', { timeout: 1 }), 'set flypaper has timeout 1s, not none'],
    [
      withSet('flypaper_hold', { flags: ['timeout'] }),
      'set flypaper_hold has flags timeout, not dynamic, timeout',
    ],
    [withSet('flypaper', { counter: false }), 'set flypaper has counter no, not yes'],
    [withSet('flypaper_own', { counter: true }), 'set flypaper_own has counter yes, not no'],
    [withSet('flypaper', { gcInterval: 9 }), 'set flypaper has gc-interval 9s, not none'],
    [
      withRules('input', [{ handle: 6, comment: APPENDED }, { handle: 8 }]),
      'chain input has rules behind the jump to the trap',
    ],
  ] as const)
    assert.deepEqual(faultsOf(table, wanted), [fault])
})

const ingressHook = (devices: readonly string[]) =>
  `type filter hook ingress ${devicesText(devices)} priority -450; policy accept;`

function audited(first: LiveTable) {
  let now: LiveTable | undefined = first
  const audit = auditor({ table: () => now }, names => names)
  audit.remember(wanted)
  return {
    audit,
    look(table: LiveTable | undefined) {
      now = table
      return audit.look()
    },
  }
}

test('what was made anew is seen by its number, and what is not ours is not', () => {
  const { look } = audited(whole)
  assert.deepEqual(look(whole), { isAsleep: false, fault: undefined, changed: undefined })
  assert.equal(look({ ...whole, handle: 8 }).changed, 'table inet filter is not what was armed')
  assert.equal(look(withSet('flypaper', { handle: 500 })).changed, 'set flypaper is not what was armed')
  const replaced = withRules('flypaper_early', [{ handle: 100 }, { handle: 102 }])
  assert.equal(look(replaced).changed, 'chain flypaper_early is not what was armed')
  const order = withRules('flypaper_early', [{ handle: 101 }, { handle: 100 }])
  assert.equal(look(order).changed, 'chain flypaper_early is not what was armed')
  const his = withRules('input', [{ handle: 500 }, { handle: 6, comment: APPENDED }])
  assert.equal(look(his).changed, undefined)
  assert.equal(look({ ...whole, isDormant: true }).isAsleep, true)
})

test('a chain at ingress has the devices that were armed; what it has of one that is gone is no fault', () => {
  const here = ['eth0', 'ppp0']
  const chain = (devices: readonly string[]) =>
    ({ handle: 1, name: 'flypaper_ingress', hook: ingressHook(devices) }) as const
  const spec = {
    name: 'flypaper_ingress',
    why: '',
    hook: ingressHook(here),
    devices: [...here],
    paragraphs: [],
  } as const
  let now: LiveTable = { ...whole, chains: [...whole.chains, chain(here)] }
  const audit = auditor({ table: () => now }, names => names.filter(name => here.includes(name)))
  audit.remember({ ruleset: { ...ruleset, chains: [...ruleset.chains, spec] }, chains: ['input'] })
  assert.equal(audit.look().fault, undefined)
  now = { ...whole, chains: [...whole.chains, chain(['eth0'])] }
  assert.equal(audit.look().fault, `chain flypaper_ingress has ${ingressHook(['eth0'])}`, 'the control')
  here.pop()
  assert.equal(audit.look().fault, undefined)
  now = whole
  assert.equal(audit.look().fault, undefined, 'as older kernels do')
  now = withChain('flypaper_early', { handle: 77 })
  assert.equal(audit.look().fault, 'chain flypaper_early is not what was armed')
})

test('what could not be set right stays a fault, and arms nothing again', () => {
  const { look } = audited(withSet('flypaper_own', { size: 3 }))
  const lasting = 'set flypaper_own has size 3, not none'
  assert.deepEqual(look(withSet('flypaper_own', { size: 3 })), {
    isAsleep: false,
    fault: lasting,
    changed: undefined,
  })
  assert.equal(look(withSet('flypaper_own', { size: 4 })).changed, 'set flypaper_own has size 4, not none')
})

test('a chain with another name is known by its number, as long as the table is the same', () => {
  const { audit, look } = audited(whole)
  look(withChain('flypaper_early', { name: 'stranger' }))
  assert.deepEqual(audit.renamed(), [{ from: 'stranger', handle: 0, to: 'flypaper_early', isTaken: false }])
  look({ ...withChain('flypaper_early', { name: 'stranger' }), handle: 8 })
  assert.deepEqual(audit.renamed(), [])
  look(withChain('input', { name: 'theirs' }))
  assert.deepEqual(audit.renamed(), [], 'of an administrator’s chain nothing is known')
})
