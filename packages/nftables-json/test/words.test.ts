/** Where a string could become a question to the resolver. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { transactionOf } from '../src/command.ts'
import { type Command, Statement } from '../src/index.ts'

const rule = (...expr: unknown[]) =>
  [{ add: { rule: { family: 'inet', table: 't', chain: 'c', expr } } }] as Command[]
const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } })
const match = (left: unknown, right: unknown) => ({ match: { left, right, op: '==' } })

const passes = (...expr: unknown[]) =>
  assert.doesNotThrow(() => transactionOf(rule(...expr)), JSON.stringify(expr))
const refused = (...expr: unknown[]) => {
  assert.throws(
    () => transactionOf(rule(...expr)),
    { code: 'invalid', text: /not a literal/ },
    JSON.stringify(expr),
  )
  assert.doesNotThrow(() => transactionOf(rule(...expr), { trustWords: true }), 'the control')
}

test('words pass where no address may stand', () => {
  passes(match(field('tcp', 'dport'), 'ssh'), { accept: null })
  passes(match({ ct: { key: 'state' } }, ['established', 'related']))
  passes(match({ meta: { key: 'iifname' } }, { set: ['eth0', 'wlan*'] }))
  passes(
    match(
      { concat: [field('ip', 'saddr'), { meta: { key: 'iifname' } }] },
      { set: [{ concat: ['192.0.2.1', 'eth0'] }] },
    ),
  )
  passes(match(field('ether', 'saddr'), '00:53:00:ff:ff:01'))
  passes({ dnat: { family: 'ip', addr: '192.0.2.1', port: 'http' } })
  passes({ reject: { type: 'icmp', expr: 'port-unreachable' } })
  passes({ mangle: { key: { meta: { key: 'priority' } }, value: 'root' } })
  passes({ vmap: { key: { ct: { key: 'state' } }, data: { set: [['new', { drop: null }]] } } })
  passes({ counter: 'mine' }, { limit: 'mine' }, { quota: 'mine' })
})

test('they are refused where libnftables would look them up', () => {
  for (const host of ['evil.example', 'localhost', 'lo', '192.0.2', '::1%lo', 'established']) {
    refused(match(field('ip', 'saddr'), host))
    refused(match(field('ip6', 'daddr'), { set: ['2001:db8::1', host] }))
    refused(match(field('ip', 'saddr'), { prefix: { addr: host, len: 24 } }))
    refused(match(field('arp', 'saddr ip'), host))
    refused(match({ ct: { key: 'ip saddr', dir: 'original' } }, host))
    refused(match({ rt: { key: 'nexthop', family: 'ip' } }, { range: ['192.0.2.1', host] }))
    refused(match({ concat: [{ meta: { key: 'iifname' } }, field('ip', 'saddr')] }, { concat: ['lo', host] }))
    refused({ dnat: { family: 'ip', addr: host } })
    refused({
      snat: { family: 'ip', addr: { map: { key: field('tcp', 'dport'), data: { set: [[80, host]] } } } },
    })
    refused({ vmap: { key: field('ip', 'saddr'), data: { set: [[host, { drop: null }]] } } })
    refused({ mangle: { key: field('ip', 'daddr'), value: host } })
    refused({ tproxy: { family: 'ip', addr: host } })
    refused({ set: { op: 'add', elem: host, set: '@s' } })
    refused({ meter: { name: 'm', key: field('ip', 'saddr'), stmt: match(field('ip', 'saddr'), host) } })
  }
})

test('what is wrong in a rule is said with its place', () => {
  const wrong = rule({ counter: null }, match(field('tcp', 'dport'), { range: [1] }))
  assert.throws(() => transactionOf(wrong), {
    code: 'invalid',
    text: /at \[0\]\.add\.rule\.expr\[1\]\.match\.right/,
  })
  assert.throws(() => transactionOf(rule({ acept: null })), {
    text: /expected one of accept, drop, .*at \[0\]\.add\.rule\.expr\[0\]/s,
  })
})

test('property: whatever is nested however deep, it is refused or it is text, and nothing else happens', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { depthSize: 'medium' },
      leaf,
      fc.array(tie('tree')),
      fc.dictionary(
        fc.constantFrom(
          'match',
          'left',
          'right',
          'op',
          'set',
          'map',
          'key',
          'data',
          'elem',
          'concat',
          'range',
          '|',
          'vmap',
          'payload',
          '__proto__',
        ),
        tie('tree'),
      ),
    ),
  }))
  fc.assert(
    fc.property(tree, statement => {
      Statement.safeParse(statement)
      try {
        JSON.parse(transactionOf(rule(statement)))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'invalid', String(error))
      }
    }),
  )
  let deep: unknown = 1
  for (let i = 0; i < 100_000; i++) deep = [deep]
  assert.throws(() => transactionOf(rule(match(deep, 1))), { code: 'invalid' })
})
