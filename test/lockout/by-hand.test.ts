import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { NETS_MAX } from '../../src/lockout/decide/lock.ts'
import { openFlypaper } from '../../src/lockout/flypaper.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import { flyNamer } from '../../src/terms/fly.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { freed } from '../support/freed.ts'

const NOW = Date.UTC(2026, 10, 24)
const HOUR = 3600 as Seconds
const SETTINGS = parseSettings('', 'test')
const prefix = (text: string) => parsePrefix(text)!
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-by-hand-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0

function laboratory() {
  const firewall = fakeFirewall()
  const sets = ['flypaper', 'flypaper6', 'flypaper_nets', 'flypaper_nets6', 'flypaper_hold', 'flypaper_hold6']
  firewall.load(sets.map(set => `\tset ${set} {\n\t\tflags timeout\n\t}\n`).join(''))
  const memory = openHistoryFile(join(directory, `${++files}.db`))
  const nameFly = flyNamer([])
  const flypaper = openFlypaper({ firewall, memory, settings: SETTINGS, nameFly, now: NOW })
  const lock = (who: string | readonly string[], { force = false, now = NOW } = {}) => {
    const wishes = [who].flat().map(text => ({ prefix: prefix(text), length: HOUR }))
    const never = [prefix('192.0.2.7'), prefix('2001:db8:7::/48')]
    const order = { by: 'anna', note: 'because', force, never, near: [prefix('192.0.2.1')] }
    const { lockouts, refused } = flypaper.lock(wishes, order, now)
    return [...lockouts.map(({ source }) => source), ...refused.map(({ who, why }) => `${who}: ${why}`)]
  }
  return { firewall, memory, flypaper, lock }
}

test('addresses and prefixes of both families, in their sets and in the history', () => {
  const { firewall, memory, lock } = laboratory()
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
  const { id: _, ...row } = memory.find('198.51.100.0/24' as never, NOW)!
  assert.deepEqual(row, {
    source: '198.51.100.0/24',
    because: 'by-hand',
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
  const { firewall, flypaper, lock, memory } = laboratory()
  assert.deepEqual(lock(['198.51.100.0/25', '198.51.100.128/25']), ['198.51.100.0/25', '198.51.100.128/25'])
  assert.deepEqual(lock('198.51.100.0/24', { now: NOW + 1 }), ['198.51.100.0/24'])
  assert.deepEqual([...firewall.elementsOf('flypaper_nets').keys()], ['198.51.100.0/24'])
  assert.equal(memory.count(NOW + 2), 1)
  assert.deepEqual(lock('198.51.100.64/26', { now: NOW + 2 }), ['198.51.100.64/26: within'])
  assert.deepEqual(lock('198.51.100.0/24', { now: NOW + 3 }), ['198.51.100.0/24'], 'once more is longer')
  assert.deepEqual(lock(['203.0.113.0/25', '203.0.113.0/24']), ['203.0.113.0/24'])
  assert.deepEqual((await freed(flypaper, '198.51.100.0/24', NOW + 4)).flies, ['198.51.100.0/24'])
  assert.deepEqual([...firewall.elementsOf('flypaper_nets').keys()], ['203.0.113.0/24'])
})

test(`at most ${NETS_MAX} prefixes, any number of addresses`, () => {
  const { lock } = laboratory()
  const net = (n: number) => `10.${n >> 8}.${n & 255}.0/24`
  assert.equal(lock(Array.from({ length: NETS_MAX }, (_, n) => net(n))).length, NETS_MAX)
  assert.deepEqual(lock([net(NETS_MAX), '203.0.113.5']), ['203.0.113.5', `${net(NETS_MAX)}: too-many`])
  assert.deepEqual(lock(net(0), { now: NOW + 1 }), [net(0)])
})

test('by hand counts as a time, and a packet of a fly by hand changes nothing', () => {
  const { flypaper, lock } = laboratory()
  lock('203.0.113.5')
  lock('203.0.113.5', { now: NOW + 1 })
  const packet = {
    source: '203.0.113.5',
    destination: '192.0.2.1',
    tried: { kind: 'tcp', port: 1, from: 2, flags: 2 },
  }
  const offence = { packet, because: 'closed-port', hook: 'input' } as never
  assert.deepEqual(flypaper.stick([offence], NOW + 2), [])
  assert.equal(flypaper.stick([offence], NOW + 3_600_002)[0]!.times, 3)
})
