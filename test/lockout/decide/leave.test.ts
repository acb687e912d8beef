/** Who is a fly no more, or by somebody else's hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adopt } from '../../../src/lockout/decide/adopt.ts'
import { decision } from '../../../src/lockout/decide/decision.ts'
import { released, spare } from '../../../src/lockout/decide/leave.ts'
import { parsePrefix } from '../../../src/terms/address.ts'
import type { Fly } from '../../../src/terms/fly.ts'
import { EMPTY, prefixSet } from '../../../src/terms/prefix-set.ts'
import { laboratory, NOW, offence } from '../laboratory.ts'

const fly = (text: string) => text as Fly
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)

test('whoever is spared is not taken over: the IPv4 host leaves the set, others are as they were', () => {
  const { firewall, of, flies, history, commit } = laboratory()
  const spared = { never: EMPTY, unasked: prefixes('203.0.113.0/24', '2001:db8:3::7') }
  const found = ['203.0.113.5', '203.0.114.5', '2001:db8:3::/64'].map(name => ({ fly: fly(name) }))
  for (const host of ['203.0.113.5', '203.0.114.5']) firewall.others.add('flypaper', host)
  const { pastOf } = history
  const adopted = adopt(found, 'nft', { flies, spared, pastOf }, NOW)
  assert.deepEqual(commit(adopted.decision), [], 'they are in the set already')
  assert.deepEqual(adopted.refused, ['203.0.113.5'])
  assert.deepEqual([...flies].map(([name]) => name).sort(), ['2001:db8:3::/64', '203.0.114.5'])
  assert.deepEqual([...of('flypaper').keys()], ['203.0.114.5'])
  assert.equal(history.find(fly('203.0.114.5'), NOW)?.by, 'nft')
  const again = adopt(found.slice(1), 'nft', { flies, spared, pastOf }, NOW)
  assert.deepEqual(again.decision, decision({}), 'they are flies already')
})

test('whoever somebody has taken out is free in index and history, and not looked for in the kernel', () => {
  const { stick, commit, flies, of, history, firewall } = laboratory()
  stick([offence('69.0.231.79'), offence('69.0.231.80')])
  firewall.others.delete('flypaper', '69.0.231.79')
  firewall.others.add('flypaper_hold', '69.0.231.79', 20)
  const before = firewall.transactions.length
  commit(released([fly('69.0.231.79'), fly('192.0.2.99')], 'nft', flies, NOW + 5), NOW + 5)
  assert.deepEqual(
    [...flies].map(([name]) => name),
    ['69.0.231.80'],
  )
  assert.equal(history.count(NOW + 5), 1)
  assert.deepEqual(firewall.transactions.slice(before), [])
  assert.equal(of('flypaper_hold').size, 0, 'his hold ends')
  assert.equal(stick([offence('69.0.231.79')], NOW + 9)[0]!.times, 1, 'the time does not count')
})

test('spared: hosts that are flies, and those that are in the set alone; no prefix around them', () => {
  const { stick, lock, commit, flies, of, history, firewall } = laboratory()
  lock([{ prefix: parsePrefix('68.0.0.0/7')!, length: 'forever' }], { by: 'root', force: true })
  stick(['69.0.231.79', '69.0.231.80', '69.0.232.1'].map(source => offence(source)))
  firewall.others.add('flypaper', '203.0.113.5')
  const unasked = prefixes('69.0.231.0/24', '203.0.113.5')
  commit(spare({ never: EMPTY, unasked }, flies, NOW + 5), NOW + 5)
  assert.deepEqual([...of('flypaper').keys()], ['69.0.232.1'])
  assert.deepEqual(
    [...flies.timed(() => NOW + 5)].map(({ fly }) => fly),
    ['69.0.232.1', '68.0.0.0/7'],
  )
  assert.equal(history.newest(9).filter(({ released }) => released?.by === 'flypaperd').length, 2)
})

test('of the never-list IPv4 hosts are free at once, then whoever overlaps it: both families, prefixes around it, those who are held', async () => {
  const { stick, lock, free, commit, flies, of, history, firewall } = laboratory()
  const forever = ['198.51.0.0/16', '203.0.113.0/24'].map(text => ({
    prefix: parsePrefix(text)!,
    length: 'forever' as const,
  }))
  lock(forever, { by: 'root', force: true })
  stick([offence('2001:db8:2::5'), offence('69.0.231.79')])
  for (const [set, host] of [
    ['flypaper_hold', '69.0.231.79'],
    ['flypaper_hold', '192.0.2.44'],
    ['flypaper_hold', '192.0.2.45'],
  ] as const)
    firewall.others.add(set, host, 20)
  const never = ['198.51.100.0/24', '2001:db8:2::7', '69.0.231.79', '192.0.2.44']
  commit(spare({ never: prefixSet(prefixes(...never)), unasked: [] }, flies, NOW + 5), NOW + 5)
  assert.equal(of('flypaper').size, 0)
  assert.equal(of('flypaper6').size, 1, 'the kernel asks the never-list before it asks about these')
  await free(never, NOW + 5, 'the never-list')
  assert.deepEqual(
    [...flies].map(([name]) => name),
    ['203.0.113.0/24'],
  )
  assert.deepEqual([...of('flypaper_nets').keys()], ['203.0.113.0/24'])
  assert.deepEqual([of('flypaper').size, of('flypaper6').size], [0, 0])
  assert.deepEqual([...of('flypaper_hold').keys()], ['192.0.2.45'])
  assert.equal(history.newest(9).filter(({ released }) => released?.by === 'the never-list').length, 3)
})
