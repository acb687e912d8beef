import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LockOrder, NETS_MAX, type Wish } from '../../../src/lockout/decide/lock.ts'
import { parsePrefix } from '../../../src/terms/address.ts'
import type { Seconds } from '../../../src/terms/duration.ts'
import type { Fly } from '../../../src/terms/fly.ts'
import { laboratory as laboratoryOf, NOW, offence } from '../laboratory.ts'

const HOUR = 3600 as Seconds
const prefix = (text: string) => parsePrefix(text)!

function laboratory(size?: number) {
  const parts = laboratoryOf(size === undefined ? {} : { size })
  interface Wanted extends Partial<LockOrder> {
    readonly now?: number
    readonly length?: Wish['length']
  }
  const locking = (who: string | readonly string[], { now = NOW, ...wanted }: Wanted = {}) => {
    const length = 'length' in wanted ? wanted.length : HOUR
    const wishes = [who].flat().map(text => ({ prefix: prefix(text), length }))
    const { exact } = wanted
    return parts.lock(wishes, { by: 'anna', note: 'because', force: false, ...wanted, exact }, now)
  }
  /** Who is locked out now, who was for as long, and who is not and why. */
  const lock = (...parameters: Parameters<typeof locking>) => {
    const { locked, kept, refused } = locking(...parameters)
    return [...locked, ...kept.map(who => `${who}: kept`), ...refused.map(({ who, why }) => `${who}: ${why}`)]
  }
  return { ...parts, lock }
}

test('addresses and prefixes of both families, in their sets and in the history', () => {
  const { firewall, history, lock } = laboratory()
  const all = ['203.0.113.5', '198.51.100.0/24', '2001:db8:1:2::9', '2001:db8:1:3::/64', '2001:db8:2::/48']
  assert.deepEqual(lock(all), [
    '203.0.113.5',
    '198.51.100.0/24',
    '2001:db8:1:2::/64',
    '2001:db8:1:3::/64',
    '2001:db8:2::/48',
  ])
  const elements = (set: string) => [...firewall.elementsOf(set)]
  assert.deepEqual(elements('flypaper'), [['203.0.113.5', 3600]])
  assert.deepEqual(elements('flypaper_nets'), [['198.51.100.0/24', 3600]])
  assert.deepEqual(elements('flypaper6'), [
    ['2001:db8:1:2::', 3600],
    ['2001:db8:1:3::', 3600],
  ])
  assert.deepEqual(elements('flypaper_nets6'), [['2001:db8:2::/48', 3600]])
  const { id: _, ...row } = history.find('198.51.100.0/24' as never, NOW)!
  assert.deepEqual(row, {
    source: '198.51.100.0/24',
    because: 'by-hand',
    grade: 'by-hand',
    by: 'anna',
    note: 'because',
    since: NOW,
    until: NOW + 3_600_000,
    times: 1,
  })
})

test('whom it refuses, and why; the others stick all the same', () => {
  const { lock } = laboratory()
  const cases: [string, string][] = [
    ['192.0.2.7', 'never-list'],
    ['192.0.2.0/24', 'never-list'],
    ['2001:db8:7:1::5', 'never-list'],
    ['192.0.2.1', 'near'],
    ['127.0.0.1', 'no-host'],
    ['224.0.0.0/8', 'no-host'],
    ['10.0.0.0/15', 'too-wide'],
    ['2001:d00::/31', 'too-wide'],
  ]
  assert.deepEqual(lock([...cases.map(([who]) => who), '203.0.113.5']), [
    '203.0.113.5',
    ...cases.map(([who, why]) => `${who}: ${why}`),
  ])
  assert.deepEqual(lock(['10.0.0.0/15', '192.0.0.0/8'], { force: true }), [
    '10.0.0.0/15',
    '192.0.0.0/8: never-list',
  ])
})

test('prefixes within each other: the wider one stays, however they come', async () => {
  const { firewall, free, lock, history } = laboratory()
  assert.deepEqual(lock(['198.51.100.0/25', '198.51.100.128/25']), ['198.51.100.0/25', '198.51.100.128/25'])
  assert.deepEqual(lock('198.51.100.0/24', { now: NOW + 1 }), ['198.51.100.0/24'])
  assert.deepEqual([...firewall.elementsOf('flypaper_nets').keys()], ['198.51.100.0/24'])
  assert.equal(history.count(NOW + 2), 1)
  const longer = { now: NOW + 2, length: 7200 as Seconds }
  assert.deepEqual(lock('198.51.100.64/26', longer), ['198.51.100.64/26: within'])
  const later = { now: NOW + 3, length: 7200 as Seconds }
  assert.deepEqual(lock('198.51.100.0/24', later), ['198.51.100.0/24'], 'itself once more, for longer')
  assert.deepEqual(lock(['203.0.113.0/25', '203.0.113.0/24']), ['203.0.113.0/24'])
  assert.deepEqual((await free(['198.51.100.0/24'], NOW + 4)).flies, ['198.51.100.0/24'])
  assert.deepEqual([...firewall.elementsOf('flypaper_nets').keys()], ['203.0.113.0/24'])
})

test('a part of a prefix that is locked out for at least as long: it is so already, however often it is asked for', () => {
  const { lock } = laboratory()
  const both = ['198.51.100.0/24', '198.51.100.64/26']
  assert.deepEqual(lock(both), ['198.51.100.0/24', '198.51.100.64/26: kept'])
  assert.deepEqual(lock(both, { now: NOW + 60_000 }), ['198.51.100.0/24: kept', '198.51.100.64/26: kept'])
  assert.deepEqual(lock(both[1]!, { length: undefined }), ['198.51.100.64/26: kept'])
  assert.deepEqual(lock(both[1]!, { length: 60 as Seconds, exact: true }), ['198.51.100.64/26: within'])
  assert.deepEqual(lock(both[1]!, { length: 'forever' }), ['198.51.100.64/26: within'])
})

test(`at most ${NETS_MAX} prefixes, any number of addresses`, () => {
  const { lock } = laboratory()
  const net = (n: number) => `10.${n >> 8}.${n & 255}.0/24`
  assert.equal(lock(Array.from({ length: NETS_MAX }, (_, n) => net(n))).length, NETS_MAX)
  assert.deepEqual(lock([net(NETS_MAX), '203.0.113.5']), ['203.0.113.5', `${net(NETS_MAX)}: too-many`])
  assert.deepEqual(lock(net(0), { now: NOW + 1, length: 7200 as Seconds }), [net(0)])
})

test('by hand counts as a time, and a packet of a fly by hand changes nothing; to lock again counts none', () => {
  const { stick, lock } = laboratory()
  lock('203.0.113.5')
  lock('203.0.113.5', { now: NOW + 1, length: 7200 as Seconds })
  assert.deepEqual(stick([offence('203.0.113.5')], NOW + 2), [])
  assert.equal(stick([offence('203.0.113.5')], NOW + 7_200_002)[0]!.times, 2)
})

test('to lock again never shortens: the later end stays, with a time or without', () => {
  const { lock, flies, history, of, told } = laboratory()
  const until = (who: string) => (flies.get(who as Fly, NOW)!.until - NOW) / 1000
  assert.deepEqual(lock('203.0.113.5', { length: 36_000 as Seconds }), ['203.0.113.5'])
  const before = [history.newest(9), told.changed]
  for (const length of [HOUR, undefined, 36_000 as Seconds, 39_000 as Seconds])
    assert.deepEqual(lock('203.0.113.5', { length }), ['203.0.113.5: kept'], String(length))
  assert.deepEqual([history.newest(9), told.changed], before, 'not even written')
  assert.deepEqual(lock('203.0.113.5', { length: 41_000 as Seconds }), ['203.0.113.5'])
  assert.equal(until('203.0.113.5'), 41_000)
  assert.deepEqual([...of('flypaper')], [['203.0.113.5', 41_000]])
  assert.deepEqual(lock('203.0.113.5', { length: 'forever' }), ['203.0.113.5'])
  for (const length of ['forever', HOUR, undefined] as const)
    assert.deepEqual(lock('203.0.113.5', { length }), ['203.0.113.5: kept'])
  assert.deepEqual([...of('flypaper')], [['203.0.113.5', undefined]])
  assert.equal(history.newest(9).length, 1)
})

test('exact: the end that is wanted, also a nearer one; the same end changes nothing', () => {
  const { lock, flies, of, told } = laboratory()
  lock('203.0.113.5', { length: 'forever' })
  assert.deepEqual(lock('203.0.113.5', { exact: true }), ['203.0.113.5'])
  assert.equal(flies.get('203.0.113.5' as Fly, NOW)!.until, NOW + 3_600_000)
  assert.deepEqual([...of('flypaper')], [['203.0.113.5', 3600]])
  assert.deepEqual(lock('203.0.113.5', { exact: true, now: NOW + 60_000 }), ['203.0.113.5: kept'])
  assert.deepEqual(lock('203.0.113.5', { exact: true, length: undefined }), ['203.0.113.5: kept'])
  assert.equal(told.prolonged.length, 1)
})

test('without a time whoever is no fly yet stays for `several`', () => {
  const { lock, of } = laboratory()
  lock('203.0.113.5', { length: undefined })
  assert.deepEqual([...of('flypaper')], [['203.0.113.5', 3600]])
})

test('a full set: by hand the shortest-lived make room as for a packet; who would stay the shortest is refused as full', () => {
  const { lock, stick, of, history } = laboratory(2)
  stick([offence('69.0.231.79'), offence('69.0.231.80')])
  assert.deepEqual(lock('203.0.113.5', { length: 60 as Seconds }), ['203.0.113.5: full'])
  assert.deepEqual(lock('203.0.113.5', { length: 'forever' }), ['203.0.113.5'])
  assert.equal(of('flypaper').size, 2)
  assert.ok(of('flypaper').has('203.0.113.5'))
  assert.equal(history.newest(9).filter(({ released }) => released?.because === 'no-room').length, 1)
  assert.deepEqual(lock('198.51.100.0/24'), ['198.51.100.0/24'], 'prefixes have room of their own')
})
