/** A rule is written once for each form of address that it is about; what the lines do is shown by the kernel tests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FROM_SERVICE, isIn, isWithin, put, SYN_ALONE } from '../../src/arm/ruleset/matches.ts'
import { counted, only, reasonOf, rule } from '../../src/arm/ruleset/rule.ts'
import { setsOf, textsOf } from '../../src/arm/ruleset/rule-text.ts'

const NET = 'ip6 saddr and ffff:ffff:ffff:ffff::'

test('without an address it is one line, with a whole one two', () => {
  assert.deepEqual(textsOf(rule([SYN_ALONE], 'return')), [
    'tcp flags & (fin | syn | rst | ack) == syn return',
  ])
  assert.deepEqual(textsOf(rule([isWithin('flypaper_own')], 'counter', 'drop')), [
    'ip saddr @flypaper_own counter drop',
    'ip6 saddr @flypaper_own6 counter drop',
  ])
  assert.deepEqual(textsOf(rule([{ ip: 'icmp type 3', ip6: 'icmpv6 type 1' }], 'drop')), [
    'icmp type 3 drop',
    'icmpv6 type 1 drop',
  ])
})

test('who is named as flies are is asked for as host, as /64, and alone; not as /64 where hosts stick one by one', () => {
  assert.deepEqual(textsOf(rule([...FROM_SERVICE, isIn('flypaper_peers')], 'drop')), [
    'udp sport $udp_services udp dport 1024-65535 ip saddr @flypaper_peers drop',
    `udp sport $udp_services udp dport 1024-65535 ${NET} @flypaper_peers6 ip6 saddr != @flypaper_single6 drop`,
    'udp sport $udp_services udp dport 1024-65535 ip6 saddr @flypaper_peers6 drop',
  ])
  assert.deepEqual(
    textsOf(rule([isIn('flypaper_hold'), { ...isIn('flypaper_peers'), not: true }], 'goto flypaper_stuck')),
    [
      'ip saddr @flypaper_hold ip saddr != @flypaper_peers goto flypaper_stuck',
      `${NET} @flypaper_hold6 ip6 saddr != @flypaper_single6 ${NET} != @flypaper_peers6 goto flypaper_stuck`,
      'ip6 saddr @flypaper_hold6 ip6 saddr != @flypaper_peers6 goto flypaper_stuck',
    ],
  )
})

test('who is put into a set is put there by the name that he has', () => {
  const hold = rule([], put('add', 'flypaper_hold'))
  assert.deepEqual(textsOf(hold), [
    'add @flypaper_hold { ip saddr }',
    `ip6 saddr != @flypaper_single6 add @flypaper_hold6 { ${NET} }`,
    'ip6 saddr @flypaper_single6 add @flypaper_hold6 { ip6 saddr }',
  ])
  assert.deepEqual(setsOf(hold).toSorted(), [
    'flypaper_hold',
    'flypaper_hold6',
    'flypaper_hold6',
    'flypaper_single6',
  ])
  const [four] = only('ip', [hold])
  assert.deepEqual(textsOf(four!), ['add @flypaper_hold { ip saddr }'])
  assert.deepEqual(setsOf(four!), ['flypaper_hold'])
})

test('a comment says why, behind the reason by which is counted; also one of 0.1 alone is read', () => {
  assert.deepEqual(textsOf(counted('noise', [], 'drop', 'of the neighbourhood')), [
    'counter drop comment "noise: of the neighbourhood"',
  ])
  assert.deepEqual(
    ['noise: of the neighbourhood', 'noise', 'noise of ours', 'why: noise', undefined].map(reasonOf),
    ['noise', 'noise', undefined, undefined, undefined],
  )
})
