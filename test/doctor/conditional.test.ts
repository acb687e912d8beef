/** Doors that rules open under conditions which are not in the packet, read from what libnftables lists; and rules that only look like it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONDITIONAL_MAX } from '../../src/arm/ruleset/sets.ts'
import { doorsOf, hasDoors, isDoor, withDoors } from '../../src/doctor/conditional.ts'
import { diagnose } from '../../src/doctor/doctor.ts'
import type { Ruleset } from '../../src/doctor/ruleset.ts'
import { facts, recorded, sight, statements } from './facts.ts'

const { ACCEPT, DROP, dport, jump } = statements
type Expr = readonly Readonly<Record<string, unknown>>[]

const LIMIT = { limit: { rate: 3, burst: 5, per: 'minute' } }
const saddr = { payload: { protocol: 'ip', field: 'saddr' } }
const from = (right: unknown) => ({ match: { op: '==', left: saddr, right } })
const state = (...right: string[]) => ({ match: { op: 'in', left: { ct: { key: 'state' } }, right } })
const by = (key: string, right: string) => ({ match: { op: '==', left: { meta: { key } }, right } })
const xt = (name: string, type = 'match') => ({ xt: { type, name } })
const ports = (right: unknown, protocol = 'tcp') => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
})
const REJECT = xt('REJECT', 'target')
const RETURN = { return: null }
const LIVING = [state('established', 'related'), ACCEPT]
const SYN_FLOOD = [
  { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'flags' } }, right: 'syn' } },
  LIMIT,
  DROP,
]

interface Chains {
  readonly [name: string]: readonly Expr[]
}
function ruleset(chains: Chains, policy = 'drop', table = 'theirs'): Ruleset {
  const where = { family: 'inet', table }
  return {
    tables: [where],
    chains: Object.keys(chains).map(name =>
      name === 'input' || name === 'forward'
        ? { ...where, name, hook: name, priority: 0, policy }
        : { ...where, name },
    ),
    rules: Object.entries(chains).flatMap(([chain, rules]) => rules.map(expr => ({ ...where, chain, expr }))),
  }
}

const shown = (rules: Ruleset) => {
  const { ports, isAny } = doorsOf(rules)
  return [...ports.keys(), ...(isAny ? ['any'] : [])].join(' ')
}
const input = (...rules: Expr[]) => shown(ruleset({ input: rules }))

test('a rate, a count, a quota, room in a set, the time: beside a port that somebody accepts', () => {
  for (const condition of [
    LIMIT,
    { limit: 'named' },
    { quota: { val: 1, val_unit: 'bytes' } },
    { 'ct count': { val: 3, inv: true } },
    { meter: { key: saddr, stmt: LIMIT, size: 10, name: 'm' } },
    { set: { op: 'add', elem: saddr, set: '@seen' } },
    by('hour', '08:00'),
    { match: { op: '==', left: { numgen: { mode: 'random', mod: 2, offset: 0 } }, right: 0 } },
    xt('connlimit'),
    xt('hashlimit'),
    xt('recent'),
    xt('quota'),
    xt('of the year after next'),
    { xt: null },
  ]) {
    const what = JSON.stringify(condition)
    assert.equal(input([dport(22), condition, ACCEPT], [dport(80), ACCEPT]), '6,22', what)
    assert.equal(input([dport(22), condition, DROP], [dport(22), ACCEPT]), '6,22', what)
    assert.equal(input([dport(22), condition, REJECT], [dport(80), ACCEPT]), '', `${what}: nobody accepts it`)
  }
})

test('where the condition is about every port, those that are accepted; where nobody says which, any', () => {
  assert.equal(
    input(LIVING, SYN_FLOOD, [ports({ set: [22, { range: [60, 61] }] }), ACCEPT]),
    '6,22 6,60 6,61',
  )
  const map = {
    vmap: {
      key: { payload: { protocol: 'tcp', field: 'dport' } },
      data: {
        set: [
          [22, ACCEPT],
          [80, jump('x')],
        ],
      },
    },
  }
  assert.equal(shown(ruleset({ input: [SYN_FLOOD, [map]], x: [[ACCEPT]] })), '6,22 6,80')
  assert.equal(
    input([by('iif', 'lo'), ACCEPT], [xt('conntrack'), { counter: null }, ACCEPT], SYN_FLOOD, [
      ports(53, 'th'),
      ACCEPT,
    ]),
    '6,53 17,53',
  )
  assert.equal(input(SYN_FLOOD, [from('10.0.0.0/8'), ACCEPT]), 'any')
  assert.equal(input(SYN_FLOOD, [xt('conntrack'), from('10.0.0.0/8'), ACCEPT]), 'any')
  assert.equal(input(SYN_FLOOD, [ports('@open'), ACCEPT]), 'any')
  assert.equal(shown(ruleset({ input: [SYN_FLOOD] }, 'accept')), 'any')
  assert.equal(input([dport(22), LIMIT, ACCEPT], [ports('@open'), ACCEPT]), '6,22')
  assert.equal(input([ports({ range: [1, CONDITIONAL_MAX + 1] }), LIMIT, ACCEPT]), 'any', 'too many')
  // Forwarded by somebody, and limited on the way in: nothing in common.
  assert.equal(shown(ruleset({ input: [SYN_FLOOD, [dport(22), ACCEPT]], forward: [[ACCEPT]] })), '6,22')
  // A second table that refuses nothing by itself opens nothing.
  const [strict, other] = [
    ruleset({ input: [[dport(22), ACCEPT]] }),
    ruleset({ input: [SYN_FLOOD] }, 'accept', 'other'),
  ]
  assert.equal(
    shown({
      ...strict,
      chains: [...strict.chains, ...other.chains],
      rules: [...strict.rules, ...other.rules],
    }),
    '6,22',
  )
})

test('by a chain, by what a rule writes down, by a named map', () => {
  const chained = {
    input: [
      [dport(22), jump('limited')],
      [dport(80), ACCEPT],
    ],
    limited: [[LIMIT, ACCEPT]],
  }
  assert.equal(shown(ruleset(chained)), '6,22')
  assert.equal(
    input(
      [dport(22), { set: { op: 'add', elem: saddr, set: '@banned' } }],
      [from('@banned'), DROP],
      [dport(80), ACCEPT],
    ),
    '6,80',
  )
  const named = { vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: '@ways' } }
  assert.equal(shown(ruleset({ input: [[named], [dport(80), ACCEPT]], ssh: [[LIMIT, ACCEPT]] })), '6,80 any')
})

test('limits in the elements of a set or map', () => {
  const vmap = { vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: '@ways' } }
  const rules = ruleset({
    input: [
      [dport(22), from('@clients'), ACCEPT],
      [dport(80), vmap],
      [dport(81), ACCEPT],
    ],
  })
  const where = { family: 'inet', table: 'theirs' }
  assert.equal(shown(rules), '', 'the control: sets without limits')
  assert.equal(shown({ ...rules, limited: [{ ...where, name: 'clients' }] }), '6,22')
  assert.equal(shown({ ...rules, limited: [{ ...where, name: 'ways' }] }), '6,80')
})

test('no doors: what only tells, pings, living connections, blocklists, the last rule before the policy, rules of ours', () => {
  const open = [dport(22), ACCEPT]
  for (const rules of [
    [open],
    [[LIMIT, { log: null }], open],
    [[LIMIT, xt('LOG', 'target')], open],
    [open, [LIMIT, { log: null }, DROP]],
    [
      [
        {
          match: { op: '==', left: { payload: { protocol: 'icmp', field: 'type' } }, right: 'echo-request' },
        },
        LIMIT,
        ACCEPT,
      ],
      open,
    ],
    [
      [
        { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: { set: ['icmp', 'ipv6-icmp'] } } },
        LIMIT,
        ACCEPT,
      ],
      open,
    ],
    [[from('@banned'), DROP], open],
    [[xt('set'), DROP], open],
    [[xt('multiport'), DROP], open],
  ] satisfies Expr[][])
    assert.equal(input(...rules), '', JSON.stringify(rules[0]))
  const telling = {
    input: [[LIMIT, jump('tell')], open],
    tell: [
      [LIMIT, RETURN],
      [LIMIT, xt('LOG', 'target')],
    ],
  }
  assert.equal(shown(ruleset(telling)), '')
  assert.equal(shown(ruleset({ ...telling, tell: [[LIMIT, RETURN], [DROP]] })), '6,22', 'the control')
  assert.equal(shown(ruleset({ input: [open], flypaper_judge: [[LIMIT, DROP]] })), '')
})

test('the managers as they are recorded open nothing under a condition', () => {
  for (const name of ['ufw', 'firewalld', 'docker', 'stock', 'iptables-nft'] as const)
    assert.equal(shown(recorded(name)), '', name)
})

test('two readings: what is in either, and whether one has the other', () => {
  const [ssh, web] = [22, 80].map(port => doorsOf(ruleset({ input: [[dport(port), LIMIT, ACCEPT]] })))
  const both = withDoors(ssh!, web!)
  assert.deepEqual([hasDoors(both, ssh!), hasDoors(ssh!, both)], [true, false])
  assert.deepEqual(
    [isDoor(both, 6, 80), isDoor(both, 17, 80), isDoor({ ...both, isAny: true }, 17, 80)],
    [true, false, true],
  )
})

test('the doctor names the doors, and says where the rules do not tell which', () => {
  const told = (closed: string, ...rules: Expr[]) =>
    diagnose(facts({ toml: `closed = "${closed}"`, sight: sight({ ruleset: ruleset({ input: rules }) }) }))
      .findings.map(({ severity, text }) => `${severity}: ${text}`)
      .filter(text => /by a rate/.test(text))
  assert.match(
    told('unaccepted', [dport(22), LIMIT, ACCEPT]).join(),
    /^note: Rules of others open TCP-port 22 by a rate/,
  )
  assert.match(
    told('unaccepted', SYN_FLOOD, [ports('@open'), ACCEPT]).join(),
    /^careful: .*nobody is locked out for what they refuse/,
  )
  assert.match(
    told('unmatched', SYN_FLOOD, [ports('@open'), ACCEPT]).join(),
    /^careful: .*comes to the jump because of them is locked out/,
  )
  assert.deepEqual(told('listening', [dport(22), LIMIT, ACCEPT]), [])
  assert.deepEqual(told('unaccepted', [dport(22), ACCEPT]), [])
})
