/** Rules that wait for a knock, read from what libnftables lists of them; and rules that only look like it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choose } from '../../src/doctor/choice.ts'
import { diagnose } from '../../src/doctor/doctor.ts'
import { knockingOf } from '../../src/doctor/knocking.ts'
import type { Ruleset } from '../../src/doctor/ruleset.ts'
import { portText } from '../../src/settings/settings.ts'
import { facts, sight, statements } from './facts.ts'

const { ACCEPT, DROP, dport, jump } = statements
type Expr = readonly Readonly<Record<string, unknown>>[]
type Chains = Readonly<Record<string, readonly Expr[]>>

const source = { payload: { protocol: 'ip', field: 'saddr' } }
const add = (set: string, rest: object = {}) => ({
  set: { op: 'add', elem: source, set: `@${set}`, ...rest },
})
const from = (set: string, op = '==') => ({ match: { op, left: source, right: `@${set}` } })
const xt = (name: string, type = 'match') => ({ xt: { type, name } })
const ports = (right: unknown, protocol = 'tcp') => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
})

function ruleset(chains: Chains, where = { family: 'inet', table: 'filter' }, hook = 'input'): Ruleset {
  return {
    tables: [where],
    chains: Object.keys(chains).map(name =>
      name === 'input' ? { ...where, name, hook, priority: 0, policy: 'drop' } : { ...where, name },
    ),
    rules: Object.entries(chains).flatMap(([chain, rules]) => rules.map(expr => ({ ...where, chain, expr }))),
  }
}

const input = (...rules: Expr[]) => ruleset({ input: rules })
const knockedAt = (rules: Ruleset) => {
  const found = knockingOf(rules)
  return found && [...found.ports.map(portText), ...found.unread.map(chain => `? ${chain}`)]
}
const DOOR = [dport(22), from('let_in'), ACCEPT]
const KNOCKING = input(
  [dport(7000), add('knock1'), DROP],
  [dport(8000), from('knock1'), add('knock2'), DROP],
  [dport(9000), from('knock2'), add('let_in'), DROP],
  DOOR,
)

test('a sequence of knocks, each port of it', () => {
  assert.deepEqual(knockedAt(KNOCKING), ['tcp/7000', 'tcp/8000', 'tcp/9000'])
})

test('where the ports are: sets, ranges, both protocols, chains, verdict maps', () => {
  const one = (at: Readonly<Record<string, unknown>>) => knockedAt(input([at, add('let_in')], DOOR))
  assert.deepEqual(one(ports({ set: [7, { range: [9, 10] }] })), ['tcp/7', 'tcp/9-10'])
  assert.deepEqual(one(ports(7, 'udp')), ['udp/7'])
  assert.deepEqual(one(ports(7, 'th')), ['tcp/7', 'udp/7'])
  const knock = [[add('let_in'), DROP]]
  const vmap = (key: unknown, value: unknown) => [
    {
      vmap: {
        key,
        data: {
          set: [
            [value, { jump: { target: 'knock' } }],
            [80, { accept: null }],
          ],
        },
      },
    },
  ]
  const { left: port } = ports(0).match
  const lead = (...expr: Expr) => knockedAt(ruleset({ input: [expr, DOOR], knock }))
  assert.deepEqual(lead(dport(7), jump('knock')), ['tcp/7'])
  assert.deepEqual(lead(...vmap(port, 7)), ['tcp/7'])
  assert.deepEqual(lead(...vmap(port, { range: [7, 9] })), ['tcp/7-9'])
  const both = { concat: [{ meta: { key: 'l4proto' } }, { payload: { protocol: 'th', field: 'dport' } }] }
  assert.deepEqual(lead(...vmap(both, { concat: ['tcp', 7] })), ['tcp/7', 'udp/7'])
  assert.deepEqual(lead(jump('knock')), ['? knock'], 'whatever comes')
})

test('ports that cannot be read are told of, by their chain', () => {
  assert.deepEqual(knockedAt(input([add('let_in')], DOOR)), ['? input'])
  assert.deepEqual(knockedAt(input([ports('@doors'), add('let_in')], DOOR)), ['? input'])
  const many = Array.from({ length: 65 }, (_, i) => i + 1)
  assert.deepEqual(knockedAt(input([ports({ set: many }), add('let_in')], DOOR)), ['? input'])
})

test('iptables: recent and SET, whose names are not told', () => {
  const where = { family: 'ip', table: 'filter' }
  const recent = [
    [dport(7000), xt('recent'), DROP],
    [dport(22), xt('recent'), ACCEPT],
  ]
  assert.deepEqual(knockedAt(ruleset({ input: recent }, where)), ['tcp/7000', 'tcp/22'])
  const sets = [
    [dport(7000), xt('SET', 'target')],
    [dport(22), xt('set'), ACCEPT],
  ]
  assert.deepEqual(knockedAt(ruleset({ input: sets }, where)), ['tcp/7000'])
  const multiport = [[xt('multiport'), xt('recent'), DROP], recent[1]!]
  assert.deepEqual(knockedAt(ruleset({ input: multiport }, where)), ['tcp/22', '? input'])
})

test('no knocks: limits, blocklists, traps of others, what goes out, translation, pings', () => {
  const not = (rules: Ruleset, why: string) => assert.equal(knockedAt(rules), undefined, why)
  not(
    input([dport(22), add('seen', { stmt: [{ limit: { rate: 3 } }] }), DROP], [from('seen'), ACCEPT]),
    'limit',
  )
  not(input([add('bad'), DROP], [from('bad'), DROP]), 'a trap by hand')
  not(input([from('bad'), add('worse'), DROP], [from('worse'), DROP]), 'blocklists that lead to another')
  not(input([from('bad'), add('bad'), DROP]), 'a blocklist that prolongs itself')
  const limited = { input: [[dport(22), xt('recent'), jump('limit')]], limit: [[{ reject: null }]] }
  not(ruleset(limited, { family: 'ip', table: 'filter' }), 'ufw limit')
  not(ruleset({ input: [[dport(7), add('let_in')], DOOR] }, undefined, 'output'), 'what goes out')
  const { chains, rules, tables } = input([dport(7), add('let_in')], DOOR)
  const nat = {
    tables,
    rules,
    chains: chains.map(chain => ({ ...chain, hook: 'prerouting', priority: -100 })),
  }
  not(nat, 'which server a client had')
  not(
    input(
      [
        { match: { op: '==', left: { payload: { protocol: 'icmp', field: 'type' } }, right: 8 } },
        add('let_in'),
      ],
      DOOR,
    ),
    'pings',
  )
  assert.deepEqual(
    knockedAt(input([dport(7), add('let_in')], [from('let_in', '!='), DROP])),
    ['tcp/7'],
    'the control',
  )
})

test('auto spares who knocks: listening, or unmatched where the ports cannot be read', () => {
  const chosen = (ruleset: Ruleset) => choose(facts({ sight: sight({ ruleset }) }))
  const { mode, because, isCautious, knocks } = chosen(KNOCKING)
  assert.deepEqual(
    [mode, isCautious, knocks?.map(portText)],
    ['listening', true, ['tcp/7000', 'tcp/8000', 'tcp/9000']],
  )
  assert.match(
    because,
    /^table inet filter lets in who knocks at tcp\/7000, tcp\/8000, tcp\/9000, which is met as/,
  )
  const unread = chosen(input([add('let_in')], DOOR))
  assert.deepEqual([unread.mode, unread.isCautious], ['unmatched', true])
  assert.match(unread.because, /chain input does not tell at which ports: nobody is judged before/)
  const jumping = chosen(input([dport(7), add('let_in')], DOOR, [jump('flypaper_input')]))
  assert.deepEqual([jumping.mode, jumping.knocks?.map(portText)], ['unmatched', ['tcp/7']])
})

test('the doctor tells whose knock would lock him out, and what to write', () => {
  const findings = (toml: string, rules = KNOCKING) =>
    diagnose(facts({ toml, sight: sight({ ruleset: rules }) }))
      .findings.filter(({ text }) => /knock/.test(text) && !/^Recommended/.test(text))
      .map(({ severity, text, advice }) => [severity, `${text} ${advice ?? ''}`] as const)
  const [[severity, text]] = findings('closed = "listening"') as [readonly [string, string]]
  assert.equal(severity, 'careful')
  assert.match(
    text,
    /at tcp\/7000, tcp\/8000, tcp\/9000: with closed = "listening" the first knock locks him out/,
  )
  assert.match(text, /silent = \["tcp\/7000", "tcp\/8000", "tcp\/9000"\]/)
  const spared = 'closed = "listening"\n[evidence]\nsilent = ["tcp/7000-9000"]'
  for (const toml of ['', spared]) {
    assert.deepEqual(
      findings(toml).map(([severity]) => severity),
      ['note'],
    )
    assert.match(findings(toml)[0]![1], /met as `silent` says/)
  }
  const named = 'closed = "unmatched"\nchains.input = ["input"]'
  assert.match(findings(named)[0]![1], /his rules take the knock before the trap/)
  const goesOn = input([dport(7), add('let_in')], DOOR)
  assert.match(findings(named, goesOn)[0]![1], /with closed = "unmatched" the first knock locks him out/)
  assert.match(findings('', input([add('let_in')], DOOR))[0]![1], /do not tell at which ports/)
})
