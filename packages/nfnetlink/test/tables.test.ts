/** Tables and what is in them, as the kernel tells them; libnftables tells the same of them, where it can. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { beforeEach, test } from 'node:test'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { openNftables } from '../../nftables-json/src/index.ts'
import { findTable, listChainNames, listTables, openElements, readTable } from '../src/index.ts'
import { SET_TYPES } from '../src/set-types.ts'

const load = (input: string) => spawnSync('nft', ['-f', '-'], { input, encoding: 'utf8' }).status === 0
const listed = () => execFileSync('nft', ['-s', 'list', 'ruleset'], { encoding: 'utf8' })

const FILTER = `
  table inet filter {
    set hosts { type ipv4_addr; size 20; flags dynamic,timeout; timeout 5s; }
    set nets { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } ; }
    set doors { type ipv6_addr . inet_proto . inet_service; flags interval, timeout; }
    map ways { type inet_service : verdict; elements = { 1 : jump a, 2 : goto b, 3 : accept } ; }
    map plain { type inet_service : ipv4_addr; elements = { 1 : 192.0.2.1 } ; }
    counter web { }
    quota much { over 5 mbytes }
    chain a { }
    chain b { counter accept comment "b"
    }
    chain early { type filter hook prerouting priority -450; policy drop; }
    chain output { type route hook output priority 7; }
    chain input { type filter hook input priority 0;
      ip saddr @nets jump a comment "one"
      tcp dport vmap { 1 : jump b, 5-9 : goto a, 10 : drop }
      tcp dport vmap @ways
      log prefix "jump"
      log group 7
      add @hosts { ip saddr }
      counter name "web" accept
    }
  }`

describeInNamespace(import.meta.url, () => {
  beforeEach(() => execFileSync('nft', ['flush', 'ruleset']))

  test('one socket asks, however often', () => {
    const open = () => readdirSync('/proc/self/fd').length
    listTables()
    const before = open()
    for (let times = 0; times < 20; times++) {
      assert.equal(findTable('filter'), undefined)
      readTable('filter')
    }
    assert.equal(open(), before)
  })

  test('tables of all families, with their flags, and chains', () => {
    assert.deepEqual(
      [listTables(), listChainNames(), findTable('filter'), readTable('filter')],
      [[], [], undefined, undefined],
    )
    assert.ok(
      load(
        'table inet filter { flags dormant; chain a { }\n }\ntable ip filter { chain b { }\n }\ntable arp x { }',
      ),
    )
    assert.deepEqual(
      listTables().map(({ family, name, flags }) => [family, name, ...flags]),
      [
        ['inet', 'filter', 'dormant'],
        ['ip', 'filter'],
        ['arp', 'x'],
      ],
    )
    assert.deepEqual(findTable('filter'), listTables()[0])
    assert.equal(findTable('x'), undefined, 'of family inet')
    assert.deepEqual(listChainNames(), [
      { family: 'inet', table: 'filter', name: 'a' },
      { family: 'ip', table: 'filter', name: 'b' },
    ])
    const [chain, ...rest] = readTable('filter')!.chains
    assert.deepEqual([chain?.name, rest], ['a', []], 'of this table alone')
  })

  test('chains, sets and rules are told as libnftables tells them', () => {
    assert.ok(load(FILTER))
    assert.ok(load('table inet other { set s { type ipv4_addr; }\n chain c { accept\n }\n }'))
    using nftables = openNftables()
    const objects = nftables.listTable('inet', 'filter')
    const { handle, chains, sets, rules, objects: others } = readTable('filter')!
    assert.deepEqual(
      objects.flatMap(it => (it.kind === 'table' ? it.handle : [])),
      [handle],
    )
    assert.deepEqual(
      chains.map(({ name, hook, priority, policy }) => [name, hook, priority, policy]),
      objects.flatMap(it => (it.kind === 'chain' ? [[it.name, it.hook, it.prio, it.policy]] : [])),
    )
    assert.deepEqual(
      sets
        .filter(({ isAnonymous, isMap }) => !isAnonymous && !isMap)
        .map(it => [it.name, it.handle, it.type, it.size]),
      objects.flatMap(it =>
        it.kind === 'set' ? [[it.name, it.handle, [it.type].flat().join(' . '), it.size]] : [],
      ),
    )
    assert.deepEqual(
      sets
        .filter(({ isAnonymous }) => !isAnonymous)
        .map(({ name, flags, isMap, targets }) => [name, flags, isMap, targets]),
      [
        ['hosts', ['timeout', 'dynamic'], false, []],
        ['nets', ['interval'], false, []],
        ['doors', ['interval', 'timeout'], false, []],
        ['ways', [], true, ['a', 'b']],
        ['plain', [], true, []],
      ],
    )
    assert.deepEqual(
      rules.map(({ chain, handle, comment }) => [chain, handle, comment]),
      objects.flatMap(it => (it.kind === 'rule' ? [[it.chain, it.handle, it.comment]] : [])),
    )
    const seen = rules.map(({ targets, sets, packets, group }) => [targets, sets, packets, group])
    assert.deepEqual(seen[0], [[], [], 0, undefined])
    assert.deepEqual(seen[1], [['a'], ['nets'], undefined, undefined])
    assert.deepEqual(
      sets.find(({ name }) => name === rules[2]!.sets[0]),
      { ...sets.find(({ isAnonymous }) => isAnonymous), targets: ['a', 'b'] },
    )
    assert.deepEqual(rules[3]!.sets, ['ways'])
    assert.deepEqual([rules[4]!.group, rules[5]!.group], [undefined, 7])
    assert.deepEqual(rules[6]!.sets, ['hosts'])
    assert.deepEqual([...others].sort(), ['much', 'web'])
  })

  test('the names of types are those of nft', () => {
    const named = SET_TYPES.flatMap((type, i) => (type === undefined ? [] : [[`s${i}`, type] as const]))
    const made = named.filter(([name, type]) => load(`table inet filter { set ${name} { type ${type}; }\n }`))
    assert.ok(made.length > 30, `${made.length} types`)
    const sets = readTable('filter')!.sets
    assert.deepEqual(
      made,
      sets.map(({ name, type }) => [name, type]),
    )
  })

  test('whatever arm/ and disarm/ change, beside elements', () => {
    assert.ok(
      load(
        `${FILTER}\ntable inet filter { chain his { counter\n }\n chain ours { accept\n }\n set gone { type mark; }\n }`,
      ),
    )
    using filter = openElements('filter')
    filter.change([
      { op: 'append-jump', chain: 'his', to: 'ours', comment: 'appended, with words' },
      { op: 'empty-set', set: 'nets' },
      { op: 'delete-set', set: 'gone' },
    ])
    assert.match(listed(), /counter\n\t\tjump ours comment "appended, with words"\n/)
    assert.doesNotMatch(listed(), /192\.0\.2\.0|set gone/)
    assert.throws(() => filter.change([{ op: 'delete-chain', chain: 'ours' }]), { code: 'busy' })
    const { handle } = readTable('filter')!.rules.find(({ comment }) => comment?.startsWith('appended'))!
    filter.change([
      { op: 'delete-rule', chain: 'his', handle },
      { op: 'empty-chain', chain: 'ours' },
      { op: 'delete-chain', chain: 'ours' },
      { op: 'empty-chain', chain: 'his' },
    ])
    assert.doesNotMatch(listed(), /ours/)
    assert.match(listed(), /chain his \{\n\t\}/)
    assert.throws(() => filter.change([{ op: 'delete-table' }, { op: 'empty-chain', chain: 'none' }]), {
      code: 'missing',
    })
    filter.change([{ op: 'delete-table' }])
    assert.equal(listed(), '')
  })

  test('intervals: added, told from others that overlap, and taken out', () => {
    assert.ok(
      load(
        'table inet filter { set n { type ipv4_addr; flags interval, timeout; }\n set n6 { type ipv6_addr; flags interval; }\n }',
      ),
    )
    using filter = openElements('filter')
    const net = (first: number, to: number | null, timeoutMs?: number) => ({ key: first, to, timeoutMs })
    const [a, b, last] = [
      net(0x0a000000, 0x0a000100, 3_600_000),
      net(0x0a000100, 0x0a000180),
      net(0xff000000, null),
    ]
    const add = (...elements: ReturnType<typeof net>[]) => filter.change([{ op: 'add', set: 'n', elements }])
    const destroy = (...elements: ReturnType<typeof net>[]) =>
      filter.change([{ op: 'destroy', set: 'n', elements }])
    add(a, b, last)
    add(a)
    assert.match(
      listed(),
      /elements = \{ 10\.0\.0\.0\/24 timeout 1h,?\s+10\.0\.1\.0\/25,\s+255\.0\.0\.0\/8 \}/,
    )
    assert.throws(() => add(net(0x0a000000, 0x0a000080)), { code: 'failed' })
    assert.throws(() => add(net(0x0a000000, 0x0a010000)), { code: 'failed' })
    const before = listed()
    destroy(
      net(0x0a000000, 0x0a000080),
      net(0x0a000000, 0x0a010000),
      net(0x0a000100, 0x0a000200),
      net(0x0b000000, 0x0b000001),
    )
    assert.equal(listed(), before, 'only what is there just so is taken out')
    destroy(b, b)
    assert.match(listed(), /elements = \{ 10\.0\.0\.0\/24 timeout 1h,\s+255\.0\.0\.0\/8 \}/)
    filter.change([
      { op: 'destroy', set: 'n', elements: [a, last, b] },
      { op: 'add', set: 'n', elements: [{ ...a, timeoutMs: 7_200_000 }, b] },
    ])
    assert.match(listed(), /elements = \{ 10\.0\.0\.0\/24 timeout 2h,?\s+10\.0\.1\.0\/25 \}/)
    destroy(a, b, last)
    assert.doesNotMatch(listed(), /elements/)
    const six = (first: number[], to: number[] | null) => ({
      key: Uint8Array.from(first),
      to: to && Uint8Array.from(to),
    })
    const zeros = (count: number) => Array<number>(count).fill(0)
    const elements = [
      six([0x20, 1, ...zeros(14)], [0x20, 1, 0, 1, ...zeros(12)]),
      six([0xff, ...zeros(15)], null),
    ]
    filter.change([{ op: 'add', set: 'n6', elements }])
    assert.match(listed(), /elements = \{ 2001::\/32,\s+ff00::\/8 \}/)
    filter.change([{ op: 'destroy', set: 'n6', elements }])
    assert.doesNotMatch(listed(), /elements/)
    assert.throws(() => filter.change([{ op: 'destroy', set: 'none', elements }]), { code: 'missing' })
  })
})
