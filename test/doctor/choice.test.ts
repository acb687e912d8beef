import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choose } from '../../src/doctor/choice.ts'
import { diagnose } from '../../src/doctor/doctor.ts'
import type { Ruleset } from '../../src/doctor/ruleset.ts'
import { both, byHand, facts, recorded, sight, statements } from './facts.ts'

const { ACCEPT, DROP, dport, jump } = statements
const STRICT = byHand('drop', [[dport(22), ACCEPT]])

type Changes = Parameters<typeof facts>[0]
const chosen = (ruleset: Ruleset, changes: Changes = {}) =>
  choose(facts({ sight: sight({ ruleset }), ...changes }))
const modeOf = (ruleset: Ruleset, changes: Changes = {}) => chosen(ruleset, changes).mode

test('a firewall that refuses: unaccepted, beside every manager whose rules can be seen', () => {
  for (const name of ['iptables-nft', 'ufw', 'firewalld'] as const)
    assert.equal(modeOf(recorded(name)), 'unaccepted', name)
  assert.equal(modeOf(STRICT), 'unaccepted')
  assert.equal(
    modeOf(
      byHand('accept', [
        [dport(22), ACCEPT],
        [dport(3306), DROP],
      ]),
    ),
    'unaccepted',
  )
  assert.match(chosen(recorded('ufw')).because, /^table ip filter, table ip6 filter refuse what/)
})

test('nobody refuses anything: listening', () => {
  assert.deepEqual(chosen(recorded('stock')), {
    mode: 'listening',
    because: 'no rule here refuses anything',
    isCautious: false,
  })
  assert.equal(modeOf(byHand('accept', [[dport(22), ACCEPT]])), 'listening')
})

test('what refuses forwarded traffic only counts where something is forwarded', () => {
  assert.equal(modeOf(recorded('docker')), 'listening')
  assert.equal(modeOf(recorded('docker'), { forwards: true }), 'unaccepted')
})

test('the administrator jumps to the trap, or names a chain: unmatched', () => {
  const jumping = byHand('drop', [[dport(22), ACCEPT], [jump('flypaper_input')]])
  const map = { vmap: { key: {}, data: { set: [['x', { jump: { target: 'flypaper_input' } }]] } } }
  assert.equal(modeOf(jumping), 'unmatched')
  assert.equal(modeOf(byHand('drop', [[map]])), 'unmatched')
  assert.equal(modeOf(both(jumping, recorded('ufw'))), 'unmatched')
  assert.equal(modeOf(STRICT, { toml: 'chains.input = ["input"]' }), 'unmatched')
})

test('in doubt listening, and why', () => {
  const cautious = (ruleset: Ruleset, changes: Changes, because: RegExp) => {
    const { mode, isCautious, because: said } = chosen(ruleset, changes)
    assert.deepEqual([mode, isCautious], ['listening', true])
    assert.match(said, because)
  }
  const rule = (statement: object) =>
    both(STRICT, byHand('drop', [[dport(99), statement as never]], 'forward'))
  const detours = { queues: [], ipvs: false, bridges: [] }
  cautious(byHand('accept', [[dport(22), ACCEPT], [jump('flypaper_input')]]), {}, /accepts by its policy/)
  cautious(
    rule({ queue: { num: 7 } }),
    {},
    /chain forward of table inet filter lets packets wait .*\(queue\)/,
  )
  cautious(rule({ xt: { type: 'target', name: 'NFQUEUE' } }), {}, /\(NFQUEUE\)/)
  cautious(rule({ synproxy: {} }), {}, /synproxy/)
  cautious(rule({ xt: { type: 'target', name: 'TPROXY' } }), {}, /TPROXY/)
  cautious(STRICT, { detours: { ...detours, queues: [7] } }, /takes packets from queue 7/)
  cautious(STRICT, { detours: { ...detours, ipvs: true } }, /IPVS/)
  cautious(STRICT, { detours: { ...detours, bridges: ['br0'] } }, /br_netfilter .* br0/)
  cautious(STRICT, { legacy: [{ family: 'ip', table: 'filter' }] }, /iptables-legacy/)
  cautious(STRICT, { sight: { unseen: 'no permission', advice: undefined } }, /cannot be seen/)
  const supports = { queue: true, log: false, socket: true }
  cautious(STRICT, { sight: sight({ ruleset: STRICT, supports }) }, /NFLOG/)
  assert.equal(
    modeOf(STRICT, { detours: { ...detours, queues: [4242, 4246] } }),
    'unaccepted',
    'queues of ours',
  )
})

test('our own rules are nobody’s refusal, and nobody’s detour', () => {
  const where = { family: 'inet', table: 'filter' }
  const ours: Ruleset = {
    tables: [where],
    chains: [{ ...where, name: 'flypaper_listening', hook: 'input', priority: -10, policy: 'accept' }],
    rules: [{ ...where, chain: 'flypaper_offence', expr: [{ queue: { num: 4242 } }, DROP] }],
  }
  assert.equal(modeOf(ours), 'listening')
  assert.equal(modeOf(both(ours, STRICT)), 'unaccepted')
})

test('who wants unaccepted beside a queue is warned', () => {
  const about = (toml: string) =>
    diagnose(
      facts({ toml, sight: sight({ ruleset: STRICT }), detours: { queues: [7], ipvs: false, bridges: [] } }),
    )
      .findings.filter(({ text }) => /does not fit here/.test(text))
      .map(({ severity }) => severity)
  assert.deepEqual(about('closed = "unaccepted"'), ['careful'])
  assert.deepEqual(about(''), ['note'])
})
