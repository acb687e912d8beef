/** Whole rulesets by commands alone, on the kernel: all families, the common statements, what is refused and where, changes as they come. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import {
  type Change,
  type Command,
  type Listed,
  NftablesError,
  openMonitor,
  openNftables,
  restore,
  type Statement,
} from '../src/index.ts'

const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } })
const is = (left: object, right: unknown, op = '==') => ({ match: { left, right, op } }) as Statement
const inTable = { family: 'inet', table: 't' } as const
const add = (chain: string, ...expr: Statement[]): Command => ({ add: { rule: { ...inTable, chain, expr } } })

/** A table in which each kind of object is, and a chain for each kind of rule. */
const TABLE: Command[] = [
  { add: { table: { family: 'inet', name: 't' } } },
  ...['c', 'd'].map((name): Command => ({ add: { chain: { ...inTable, name } } })),
  { add: { chain: { ...inTable, name: 'in', type: 'filter', hook: 'input', prio: 0, policy: 'accept' } } },
  { add: { chain: { ...inTable, name: 'dst', type: 'nat', hook: 'prerouting', prio: -100 } } },
  { add: { chain: { ...inTable, name: 'src', type: 'nat', hook: 'postrouting', prio: 100 } } },
  { add: { counter: { ...inTable, name: 'k', packets: 3, bytes: 100 } } },
  { add: { quota: { ...inTable, name: 'q', bytes: 1000 } } },
  { add: { limit: { ...inTable, name: 'l', rate: 10, per: 'minute', burst: 5 } } },
  { add: { set: { ...inTable, name: 's', type: 'ipv4_addr', flags: ['timeout'], size: 100 } } },
  { add: { set: { ...inTable, name: 'nets', type: 'ipv4_addr', flags: ['interval'] } } },
  { add: { map: { ...inTable, name: 'm', type: ['ipv4_addr', 'inet_service'], map: 'verdict' } } },
  { add: { map: { ...inTable, name: 'marks', type: 'inet_service', map: 'mark' } } },
]
const RULES: readonly (readonly [string, ...Statement[]])[] = [
  ['in', is({ ct: { key: 'state' } }, ['established', 'related'], 'in'), { accept: null }],
  ['in', is({ meta: { key: 'iifname' } }, 'lo'), { counter: { packets: 0, bytes: 0 } }, { accept: null }],
  [
    'in',
    is(field('tcp', 'dport'), { set: [22, { range: [8000, 8010] }] }),
    { limit: { rate: 3, per: 'minute', burst: 5 } },
    { accept: null },
  ],
  [
    'in',
    is(field('ip', 'saddr'), { prefix: { addr: '192.0.2.0', len: 24 } }, '!='),
    { log: { prefix: 'far: ', group: 5 } },
  ],
  ['in', is(field('ip', 'saddr'), '@s'), { reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
  ['in', is(field('ip6', 'daddr'), '2001:db8::1'), { drop: null }],
  ['in', is({ '&': [field('tcp', 'flags'), { '|': ['syn', 'ack'] }] }, 'syn'), { jump: { target: 'c' } }],
  [
    'in',
    is({ concat: [field('ip', 'saddr'), field('tcp', 'dport')] }, { set: [{ concat: ['192.0.2.1', 22] }] }),
    { drop: null },
  ],
  ['c', { counter: 'k' }, { quota: 'q' }, { limit: 'l' }],
  ['c', { mangle: { key: { meta: { key: 'mark' } }, value: 7 } }],
  ['c', { mangle: { key: { ct: { key: 'mark' } }, value: { meta: { key: 'mark' } } } }],
  [
    'c',
    is(field('udp', 'dport'), 53),
    { set: { op: 'update', elem: { elem: { val: field('ip', 'saddr'), timeout: 60 } }, set: '@s' } },
  ],
  [
    'c',
    {
      vmap: {
        key: field('tcp', 'dport'),
        data: {
          set: [
            [22, { accept: null }],
            [23, { jump: { target: 'd' } }],
          ],
        },
      },
    },
  ],
  ['c', { vmap: { key: { concat: [field('ip', 'saddr'), field('tcp', 'dport')] }, data: '@m' } }],
  ['c', is({ meta: { key: 'l4proto' } }, 17), { notrack: null }],
  ['c', { 'ct count': { val: 20, inv: true } }, { return: null }],
  ['c', is({ fib: { result: 'type', flags: ['daddr'] } }, 'local'), { goto: { target: 'd' } }],
  ['dst', is(field('tcp', 'dport'), 80), { dnat: { family: 'ip', addr: '192.0.2.9', port: 8080 } }],
  ['dst', is(field('tcp', 'dport'), 81), { redirect: { port: 8081 } }],
  ['src', is({ meta: { key: 'oifname' } }, 'eth0'), { masquerade: { flags: ['random'] } }],
  [
    'src',
    is(field('ip', 'saddr'), '10.0.0.1'),
    { snat: { family: 'ip', addr: { range: ['192.0.2.1', '192.0.2.4'] } } },
  ],
]
const ELEMENTS: Command[] = [
  {
    add: {
      element: {
        ...inTable,
        name: 's',
        elem: ['192.0.2.1', { elem: { val: '192.0.2.2', timeout: 60, comment: 'two' } }],
      },
    },
  },
  { add: { element: { ...inTable, name: 'nets', elem: [{ prefix: { addr: '198.51.100.0', len: 24 } }] } } },
  { add: { element: { ...inTable, name: 'm', elem: [[{ concat: ['192.0.2.1', 22] }, { accept: null }]] } } },
  { add: { element: { ...inTable, name: 'marks', elem: [[22, 5]] } } },
]
const contents = (listed: readonly Listed[]) =>
  listed.map(({ handle, ...rest }: Record<string, unknown>) => rest)

describeInNamespace(import.meta.url, () => {
  beforeEach(() => {
    using nftables = openNftables()
    nftables.run([{ flush: { ruleset: null } }])
  })

  test('rules of all kinds go in, and are listed as they were written', () => {
    using nftables = openNftables()
    nftables.run([...TABLE, ...RULES.map(([chain, ...expr]) => add(chain, ...expr)), ...ELEMENTS])
    const listed = nftables.list({ table: { family: 'inet', name: 't' } }, { elements: true })
    assert.equal(listed.filter(({ kind }) => kind === 'rule').length, RULES.length)
    const kinds = ['chain', 'counter', 'limit', 'map', 'quota', 'rule', 'set', 'table']
    assert.deepEqual([...new Set(listed.map(({ kind }) => kind))].sort(), kinds)
    const { commands, left } = restore(listed)
    assert.deepEqual(left, [])
    nftables.run([{ flush: { ruleset: null } }])
    assert.deepEqual(nftables.list({ ruleset: null }), [], 'the control')
    nftables.run(commands, { trustWords: true })
    const again = nftables.list({ table: { family: 'inet', name: 't' } }, { elements: true })
    const timeless = (it: unknown) =>
      JSON.parse(JSON.stringify(it), (key, value) => (key === 'expires' ? undefined : value))
    assert.deepEqual(timeless(contents(again)), timeless(contents(listed)))
    nftables.run([{ delete: { table: { family: 'inet', name: 't' } } }])
  })

  for (const file of globSync(`${import.meta.dirname}/rulesets/*.nft`))
    test(`${basename(file)} is listed, made anew from that, and equal`, () => {
      using nftables = openNftables()
      nftables.load(readFileSync(file, 'utf8'))
      const listed = nftables.list({ ruleset: null }, { elements: true })
      assert.ok(listed.length > 5)
      const { commands, left } = restore(listed)
      assert.deepEqual(left, [])
      nftables.run([{ flush: { ruleset: null } }])
      nftables.run(commands, { trustWords: true })
      assert.deepEqual(contents(nftables.list({ ruleset: null }, { elements: true })), contents(listed))
      nftables.run([{ flush: { ruleset: null } }])
    })

  test('insert, replace, rename, reset', () => {
    using nftables = openNftables()
    nftables.run([
      ...TABLE,
      add('c', { accept: null }),
      { insert: { rule: { ...inTable, chain: 'c', expr: [{ drop: null }] } } },
    ])
    const rules = () => nftables.listChain('inet', 't', 'c').filter(object => object.kind === 'rule')
    assert.deepEqual(
      rules().map(({ expr }) => expr),
      [[{ drop: null }], [{ accept: null }]],
    )
    const { handle } = rules()[0]!
    nftables.run([
      { replace: { rule: { ...inTable, chain: 'c', handle, expr: [{ return: null }], comment: 'now' } } },
    ])
    assert.deepEqual(
      rules().map(({ comment, expr }) => [comment, expr]),
      [
        ['now', [{ return: null }]],
        [undefined, [{ accept: null }]],
      ],
    )
    nftables.run([{ rename: { chain: { ...inTable, name: 'c', newname: 'e' } } }])
    assert.equal(nftables.listChain('inet', 't', 'e').length, 3)
    const k = { counter: { ...inTable, name: 'k' } }
    const packets = (listed: readonly Listed[]) =>
      listed.map(object => object.kind === 'counter' && object.packets)
    assert.deepEqual([packets(nftables.reset(k)), packets(nftables.list(k))], [[3], [0]])
    assert.throws(() => nftables.run([{ create: { table: { family: 'inet', name: 't' } } }]), {
      code: 'exists',
      reason: 'File exists',
    })
    nftables.run([{ flush: { ruleset: null } }])
  })

  test('every family has its table', () => {
    using nftables = openNftables()
    for (const family of ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'] as const) {
      const hook =
        family === 'netdev' ? ({ hook: 'ingress', dev: 'lo' } as const) : ({ hook: 'input' } as const)
      nftables.run([
        { add: { table: { family, name: 't' } } },
        { add: { chain: { family, table: 't', name: 'c', type: 'filter', prio: 0, ...hook } } },
        { add: { rule: { family, table: 't', chain: 'c', expr: [{ counter: null }, { drop: null }] } } },
      ])
      assert.equal(nftables.list({ table: { family, name: 't' } }).length, 3, family)
    }
    nftables.run([{ flush: { ruleset: null } }])
  })

  test('a dry run changes nothing, and the first refused command is named', async () => {
    using nftables = openNftables()
    nftables.run(TABLE, { dryRun: true })
    await nftables.runAsync(TABLE, { dryRun: true })
    assert.deepEqual(nftables.list({ ruleset: null }), [])
    const wrong = [
      ...TABLE,
      add('c', { accept: null }),
      add('nowhere', { accept: null }),
      add('c', { drop: null }),
    ]
    assert.throws(() => nftables.run(wrong, { dryRun: true }), { code: 'missing', at: undefined })
    const refusal = nftables.firstRefused(wrong)
    assert.equal(refusal?.index, TABLE.length + 1)
    assert.equal(refusal?.command, wrong[TABLE.length + 1])
    assert.equal(refusal?.error.reason, 'No such file or directory')
    assert.equal(nftables.firstRefused(TABLE), undefined)
    assert.deepEqual(nftables.list({ ruleset: null }), [], 'nothing was changed')
  })

  test('a text is refused with its line and columns', async () => {
    using nftables = openNftables()
    const text = 'table inet t {\n  chain c {\n    tcp dprot 22 accept\n  }\n}\n'
    const at = { line: 3, column: 9, end: 13 }
    assert.throws(() => nftables.load(text), { code: 'refused', reason: /^syntax error/, at })
    assert.throws(() => nftables.check(text), { at })
    await assert.rejects(nftables.loadAsync(text), { at })
    const late = 'table inet t { }\n\ndelete table inet nowhere\n'
    assert.throws(() => nftables.load(late), {
      code: 'missing',
      reason: 'No such file or directory',
      at: { line: 3, column: 19, end: 25 },
    })
    assert.deepEqual(nftables.list({ ruleset: null }), [])
  })

  test('a large set is added and listed on a thread, and the loop goes on', async () => {
    using nftables = openNftables()
    nftables.run(TABLE)
    nftables.run([{ add: { set: { ...inTable, name: 'big', type: 'ipv4_addr' } } }])
    const elem = Array.from({ length: 20_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    // In a user namespace one transaction may have some 4,000.
    for (let i = 0; i < elem.length; i += 2000)
      await nftables.runAsync([
        { add: { element: { ...inTable, name: 'big', elem: elem.slice(i, i + 2000) } } },
      ])
    const [set] = await nftables.listAsync({ set: { ...inTable, name: 'big' } }, { elements: true })
    clearInterval(counting)
    assert.equal(set?.kind === 'set' ? (set.elem as unknown[]).length : set, elem.length)
    assert.ok(turns > 5, `${turns}`)
    nftables.run([{ flush: { ruleset: null } }])
  })

  test('a monitor tells what changes from the moment on that it is there', async () => {
    using nftables = openNftables()
    const seen: Change[] = []
    {
      await using monitor = await openMonitor()
      nftables.run([...TABLE, add('c', { accept: null }), ELEMENTS[0]!])
      nftables.run([{ delete: { table: { family: 'inet', name: 't' } } }])
      for await (const change of monitor) {
        seen.push(change)
        if (change.verb === 'delete' && change.object?.kind === 'table') break
      }
    }
    const told = seen.map(({ verb, object }) => `${verb} ${object?.kind}`)
    assert.equal(told[0], 'add table')
    for (const one of [
      'add chain',
      'add set',
      'add map',
      'add counter',
      'add rule',
      'add element',
      'delete set',
    ])
      assert.ok(told.includes(one), one)
    const element = seen.find(({ object }) => object?.kind === 'element')?.object
    assert.deepEqual(element?.kind === 'element' && element.elem[0], '192.0.2.1')
  })

  test('a monitor ends when it is told, and says when there is no nft', async () => {
    const stop = new AbortController()
    const monitor = await openMonitor({ signal: stop.signal })
    setTimeout(() => stop.abort(), 20)
    for await (const change of monitor) assert.fail(JSON.stringify(change))
    await assert.rejects(
      openMonitor({ nft: '/nowhere/nft' }),
      (error: unknown) => error instanceof NftablesError && error.code === 'unsupported',
    )
    await sleep(1)
  })
})
