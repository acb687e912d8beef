/** Ports at which rules send everybody elsewhere, as nft and iptables-nft write such rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAMED_ELEMENTS_MAX, TRANSLATED_MAX, translatedOf, WHOLE_MAX } from '../../src/doctor/translated.ts'
import { statements } from './facts.ts'

const { dport, jump } = statements
type Expr = readonly Readonly<Record<string, unknown>>[]

const DNAT = { dnat: { addr: '10.0.0.5', port: 80 } }
const XT_DNAT = { xt: { type: 'target', name: 'DNAT' } }
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } })
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } })
const range = (first: number, last: number) => match(payload('udp', 'dport'), { range: [first, last] })

function shown(chains: Readonly<Record<string, readonly Expr[]>>): string {
  const where = { family: 'ip', table: 'theirs' }
  const { translated } = translatedOf({
    tables: [where],
    chains: Object.keys(chains).map(name =>
      ['prerouting', 'output', 'input'].includes(name) ? { ...where, name, hook: name } : { ...where, name },
    ),
    rules: Object.entries(chains).flatMap(([chain, rules]) => rules.map(expr => ({ ...where, chain, expr }))),
  })
  return translated.map(String).join(' ')
}

test('DNAT, redirects, TPROXY, maps, concatenations, and chains that are entered by a port', () => {
  const map = (key: unknown, data: unknown) => [{ dnat: { addr: { map: { key, data } } } }]
  const to = match(
    { concat: [payload('ip', 'daddr'), payload('tcp', 'dport')] },
    { set: [{ concat: ['192.0.2.1', 85] }] },
  )
  assert.equal(shown({ prerouting: [[dport(80), DNAT]] }), '6,80')
  assert.equal(shown({ prerouting: [[dport(80), { limit: { rate: 1, per: 'hour' } }, DNAT]] }), '6,80')
  assert.equal(
    shown({
      prerouting: [
        [dport(81), { redirect: { port: 90 } }],
        [dport(82), { tproxy: { port: 90 } }],
      ],
    }),
    '6,81 6,82',
  )
  assert.equal(shown({ prerouting: [[dport(83), { counter: {} }, XT_DNAT]] }), '6,83')
  assert.equal(
    shown({
      prerouting: [
        map(payload('tcp', 'dport'), {
          set: [
            [83, '10.0.0.6'],
            [84, '10.0.0.7'],
          ],
        }),
      ],
    }),
    '6,83 6,84',
  )
  assert.equal(shown({ prerouting: [[to, DNAT]] }), '6,85')
  assert.equal(
    shown({ prerouting: [[dport(86), jump('node')]], node: [[jump('pod')]], pod: [[XT_DNAT]] }),
    '6,86',
  )
  assert.equal(shown({ prerouting: [[range(5000, 5002), DNAT]] }), '17,5000 17,5001 17,5002')
})

test('no ports: for some sources alone, of what this machine sends, any port, a map of which nothing is known, source NAT; and a bound', () => {
  for (const rules of [
    [[match(payload('ip', 'saddr'), '198.51.100.0'), dport(22), DNAT]],
    [[DNAT]],
    [[{ dnat: { addr: { map: { key: payload('tcp', 'dport'), data: '@published' } } } }]],
    [[dport(22), { snat: { addr: '10.0.0.5' } }]],
    [[dport(22), { accept: null }]],
  ])
    assert.equal(shown({ prerouting: rules }), '', JSON.stringify(rules))
  assert.equal(shown({ output: [[dport(80), DNAT]] }), '')
  assert.equal(
    shown({ prerouting: [[match(payload('ip', 'saddr'), '10.0.0.0', '!='), dport(80), DNAT]] }),
    '6,80',
    'the control',
  )
  assert.equal(shown({ prerouting: [[range(1, 65_535), DNAT]] }).split(' ').length, TRANSLATED_MAX)
})

test('named sets and maps are read once each, so many elements at most, and where a rule that translates stands', () => {
  const where = { family: 'ip', table: 'theirs' }
  const map = { key: payload('tcp', 'dport'), data: '@published' }
  const bySource = { key: { concat: [payload('ip', 'saddr'), payload('tcp', 'dport')] }, data: '@some' }
  const ways = {
    vmap: { key: { concat: [{ meta: { key: 'l4proto' } }, payload('th', 'dport')] }, data: '@ways' },
  }
  const rules = [
    [{ dnat: { addr: { map } } }],
    [{ redirect: { port: { map } } }],
    [{ dnat: { addr: { map: bySource } } }],
    [match(payload('ip', 'daddr'), '@addresses'), dport(80), DNAT],
    [match(payload('udp', 'dport'), '@shared'), DNAT],
    [ways],
  ]
  const asked: (readonly [string, number])[] = []
  const elements: Readonly<Record<string, readonly (readonly [unknown, unknown])[]>> = {
    published: [
      [{ range: [81, 81] }, undefined],
      [{ range: [90, 91] }, undefined],
    ],
    some: [[{ concat: [{}, { range: [95, 95] }] }, undefined]],
    shared: [[{ range: [82, 82] }, undefined]],
    ways: [
      [{ concat: [{}, { range: [83, 83] }] }, { goto: { target: 'pod' } }],
      [{ concat: [{}, { range: [84, 84] }] }, { goto: { target: 'none' } }],
    ],
  }
  const look = (inChain: (expr: Expr) => string) =>
    translatedOf({
      tables: [where],
      chains: [
        { ...where, name: 'pre', hook: 'prerouting' },
        { ...where, name: 'pod' },
      ],
      rules: [
        ...rules.map(expr => ({ ...where, chain: inChain(expr), expr })),
        { ...where, chain: 'pod', expr: [DNAT] },
      ],
      elementsOf({ name }, most) {
        asked.push([name, most])
        return elements[name]!
      },
    })
  const { translated, named } = look(() => 'pre')
  assert.deepEqual(translated.map(String), ['6,81', '6,90', '6,91', '6,80', '17,82', '6,83', '17,83'])
  assert.deepEqual(
    named,
    ['published', 'some', 'shared', 'ways'].map(name => `ip theirs ${name}`),
  )
  const most = NAMED_ELEMENTS_MAX
  assert.deepEqual(asked, [
    ['published', most],
    ['some', most - 2],
    ['shared', most - 3],
    ['ways', most - 4],
  ])
})

test('rules without a port: from whom they send everything elsewhere, so many at most; those of maps and ports are none', () => {
  const where = { family: 'ip', table: 'theirs' }
  const look = (...rules: readonly Expr[]) =>
    translatedOf({
      tables: [where],
      chains: [{ ...where, name: 'pre', hook: 'prerouting' }],
      rules: rules.map(expr => ({ ...where, chain: 'pre', expr })),
    }).whole.map(
      ({ from, isPartly }) => `${from.map(({ text }) => text).join(' ')}${isPartly ? ', partly' : ''}`,
    )
  const everybody = '0.0.0.0/0 ::/0'
  const saddr = (right: unknown) => match(payload('ip', 'saddr'), right)
  const net = { prefix: { addr: '198.51.100.0', len: 24 } }
  assert.deepEqual(look([DNAT]), [everybody])
  assert.deepEqual(look([match({ meta: { key: 'iifname' } }, 'eth0'), DNAT]), [everybody])
  assert.deepEqual(look([saddr(net), XT_DNAT]), ['198.51.100.0/24'])
  assert.deepEqual(look([saddr({ set: ['192.0.2.1', net] }), DNAT]), ['192.0.2.1 198.51.100.0/24'])
  assert.deepEqual(look([saddr('@theirs'), DNAT]), [everybody])
  assert.deepEqual(look([{ limit: { rate: 1, per: 'hour' } }, DNAT]), [`${everybody}, partly`])
  const map = { map: { key: payload('tcp', 'dport'), data: '@published' } }
  assert.deepEqual(look([dport(80), DNAT], [{ dnat: { addr: map } }], [saddr(net), dport(22), DNAT]), [])
  assert.equal(look(...Array.from({ length: WHOLE_MAX + 1 }, () => [DNAT])).length, WHOLE_MAX)
})
