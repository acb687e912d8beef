import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Change, Element, Firewall, ListedElement } from '../../src/arm/firewall.ts'
import { SETS } from '../../src/arm/names.ts'
import type { Packet, Tried } from '../../src/decode/packet.ts'
import { openFlypaper } from '../../src/lockout/flypaper.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openHistory } from '../../src/record/history.ts'
import { MIGRATIONS } from '../../src/record/schema.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { type Address, parseAddress, parsePrefix } from '../../src/terms/address.ts'
import { addressKey } from '../../src/terms/address-bytes.ts'
import { type Fly, flyNamer } from '../../src/terms/fly.ts'
import { freed } from '../support/freed.ts'

const NOW = Date.UTC(2026, 10, 22)
const HOUR = 3_600_000
/** The defaults, without a promotion limit. */
const SETTINGS = parseSettings('promotion.per_second = 0', 'test')
const SYN: Tried = { kind: 'tcp', port: 20000, from: 1024, flags: 2 }

let laboratories = 0
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-lockout-'))
after(() => rmSync(directory, { recursive: true }))

/** The elements of the sets, with their seconds; `remove` and `add` work as in the kernel, in order. */
function setsOnly() {
  const sets = new Map<string, Map<string, number | undefined>>()
  const of = (name: string) => sets.get(name) ?? sets.set(name, new Map()).get(name)!
  const read: string[] = []
  const listed = (set: string): ListedElement[] =>
    [...of(set)].map(([element, expires]) => ({ element: element as Address, expires }))
  const apply = (change: Change) => {
    if (change.change === 'empty') of(change.set).clear()
    else if (change.change === 'add') {
      for (const { element, seconds } of change.elements as Element[])
        if (!of(change.set).has(String(element))) of(change.set).set(String(element), seconds)
    } else if (change.change === 'remove')
      for (const { element } of change.elements) of(change.set).delete(String(element))
    else throw new Error(`a flypaper does not ${change.change}`)
  }
  const firewall: Firewall = {
    load: () => assert.fail('a flypaper loads no rules'),
    change: changes => changes.forEach(apply),
    take: (set, elements) => elements.filter(element => of(set).delete(element)),
    ask: (set, elements) => listed(set).filter(({ element }) => elements.includes(element)),
    first: () => assert.fail('a flypaper does not look into the sets'),
    async read(set, isWanted = () => true) {
      read.push(set)
      return listed(set).filter(({ element }) => isWanted(addressKey(element)))
    },
    look: () => ({
      chains: [],
      rules: [],
      others: [],
      mapTargets: [],
      sets: SETS.map(name => ({ name, flags: [] })),
    }),
    supports: () => true,
  }
  return { firewall, of, read }
}

function laboratory() {
  const { firewall, of, read } = setsOnly()
  const memory = openHistory(
    openDatabase(join(directory, `${++laboratories}.db`), { migrations: MIGRATIONS, readOnly: false }),
  )
  const nameFly = flyNamer([parsePrefix('2001:db8:1::/64')!])
  const open = (now: number) => openFlypaper({ firewall, memory, settings: SETTINGS, nameFly, now })
  return { firewall, of, read, memory, open, flypaper: open(NOW) }
}

function offence(source: string, tried: Tried = SYN, hook: 'input' | 'forward' = 'input') {
  const packet: Packet = { source: parseAddress(source)!, destination: parseAddress('192.0.2.1')!, tried }
  return { packet, because: 'closed-port' as const, forgeable: false, hook }
}

const summary = ({ source, times, since, until }: Lockout) => [
  source,
  times,
  until === 'forever' ? until : (until - since) / HOUR,
]

test('one lockout a source, in the set, in the history, and told', () => {
  const { flypaper, of, memory } = laboratory()
  const told = flypaper.stick([offence('69.0.231.79'), offence('69.0.231.79'), offence('69.0.231.80')], NOW)
  assert.deepEqual(told.map(summary), [
    ['69.0.231.79', 1, 1],
    ['69.0.231.80', 1, 1],
  ])
  assert.deepEqual(
    [...of('flypaper')],
    [
      ['69.0.231.79', 3600],
      ['69.0.231.80', 3600],
    ],
  )
  assert.equal(memory.count(NOW), 2)
  assert.deepEqual(flypaper.stick([offence('69.0.231.79')], NOW + 10), [], 'a packet that was on its way')
})

test('the fly of IPv6 is the /64, on our own links the single host', () => {
  const { flypaper, of } = laboratory()
  const told = flypaper.stick(
    [offence('2001:db8:2::5'), offence('2001:db8:2::6'), offence('2001:db8:1::5')],
    NOW,
  )
  assert.deepEqual(
    told.map(({ source, packetSource }) => [source, packetSource]),
    [
      ['2001:db8:2::/64', '2001:db8:2::5'],
      ['2001:db8:1::5', '2001:db8:1::5'],
    ],
  )
  assert.deepEqual([...of('flypaper6').keys()], ['2001:db8:2::', '2001:db8:1::5'])
})

test('whoever comes again stays six times longer, up to a week; UDP starts at ten minutes', () => {
  const { flypaper } = laboratory()
  let now = NOW
  const lengths: unknown[] = []
  for (let time = 1; time <= 5; time++) {
    const [lockout] = flypaper.stick([offence('69.0.231.79')], now)
    lengths.push(summary(lockout!).slice(1))
    now = (lockout!.until as number) + 1
  }
  assert.deepEqual(lengths, [
    [1, 1],
    [2, 6],
    [3, 36],
    [4, 168],
    [5, 168],
  ])
  const [udp] = flypaper.stick([offence('69.0.231.80', { kind: 'udp', port: 9, from: 9 })], now)
  assert.deepEqual(summary(udp!), ['69.0.231.80', 1, 1 / 6])
})

test('for ever, as in 2006: an element without a time, also after a restart', () => {
  const { firewall, of, memory } = laboratory()
  const settings = parseSettings('lockout.first = "forever"', 'test')
  const open = (now: number) => openFlypaper({ firewall, memory, settings, nameFly: flyNamer([]), now })
  const [told] = open(NOW).stick([offence('69.0.231.79')], NOW)
  assert.equal(told!.until, 'forever')
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', undefined]])
  const century = NOW + 100 * 365 * 24 * HOUR
  assert.deepEqual([...open(century).timed(() => century)], [{ fly: '69.0.231.79', seconds: undefined }])
})

test('a lockout of a forwarded packet says whom it was for', () => {
  const [lockout] = laboratory().flypaper.stick([offence('69.0.231.79', SYN, 'forward')], NOW)
  assert.equal(lockout!.forwardedTo, '192.0.2.1')
})

test('two packets of a fly that the set has lost put it back once', () => {
  const { firewall, open } = laboratory()
  const removed: number[] = []
  const { change } = firewall
  firewall.change = changes => {
    for (const one of changes) if (one.change === 'remove') removed.push(one.elements.length)
    change(changes)
  }
  const flypaper = open(NOW)
  flypaper.stick([offence('69.0.231.79')], NOW)
  flypaper.stick([offence('69.0.231.79'), offence('69.0.231.79')], NOW + 5000)
  assert.deepEqual(removed, [1])
})

test('a packet of a fly that is not new means that the set has lost it: it is put back for the time left', () => {
  const { flypaper, of, memory } = laboratory()
  flypaper.stick([offence('69.0.231.79')], NOW)
  of('flypaper').clear()
  assert.deepEqual(flypaper.stick([offence('69.0.231.79')], NOW + 1_800_000), [])
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', 1800]])
  assert.equal(memory.newest(9).length, 1, 'it is the same lockout')
})

test('free tells whom it met, ends the hold, and the time does not count', async () => {
  const { flypaper, of, memory } = laboratory()
  flypaper.stick([offence('69.0.231.79'), offence('69.0.231.80'), offence('2001:db8:2::5')], NOW)
  of('flypaper_hold').set('69.0.231.79', 20).set('198.51.100.7', 20)
  assert.deepEqual(await freed(flypaper, '69.0.231.79', NOW + 5), { flies: ['69.0.231.79'], held: [] })
  assert.deepEqual(await freed(flypaper, '69.0.231.79', NOW + 6), { flies: [], held: [] })
  assert.deepEqual(await freed(flypaper, '198.51.100.0/24', NOW), {
    flies: [],
    held: ['198.51.100.7'],
  })
  assert.deepEqual((await freed(flypaper, '2001:db8:2::77', NOW)).flies, ['2001:db8:2::/64'])
  assert.deepEqual((await freed(flypaper, '69.0.0.0/16', NOW)).flies, ['69.0.231.80'])
  assert.equal(of('flypaper').size + of('flypaper6').size + of('flypaper_hold').size, 0)
  assert.equal(memory.newest(9).find(({ source }) => source === '69.0.231.79')?.released?.by, 'root')
  assert.equal(flypaper.stick([offence('69.0.231.79')], NOW + 9)[0]!.times, 1)
})

test('many are held: of hosts and small prefixes none of the sets is read, and a wide prefix is read once', async () => {
  const { flypaper, of, read } = laboratory()
  const host = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
  for (let n = 0; n < 70_000; n++) {
    of('flypaper_hold').set(host(n), 20)
    of('flypaper_hold6').set(`2001:db8:7:${n.toString(16)}::`, 20)
  }
  flypaper.stick([offence('10.0.7.7'), offence('10.1.1.1'), offence('2001:db8:7:5::9')], NOW)
  assert.deepEqual(await freed(flypaper, '10.0.7.7', NOW), { flies: ['10.0.7.7'], held: [] })
  assert.deepEqual((await freed(flypaper, '10.0.8.8', NOW)).held, ['10.0.8.8'])
  assert.equal((await freed(flypaper, ['10.0.7.0/24', '10.0.16.0/20'], NOW)).held.length, 255 + 4096)
  assert.equal((await freed(flypaper, '2001:db8:7:100::/56', NOW)).held.length, 256)
  assert.deepEqual((await freed(flypaper, '2001:db8:7:5::/64', NOW)).flies, ['2001:db8:7:5::/64'])
  assert.deepEqual(read, [])
  assert.ok(of('flypaper_hold').has('10.0.6.255') && of('flypaper_hold').has('10.0.8.0'), 'the control')
  const left = of('flypaper_hold').size
  const wide = await freed(flypaper, ['10.1.0.0/16', '2001:db8:7:8000::/49'], NOW)
  assert.deepEqual(wide.flies, ['10.1.1.1'])
  assert.deepEqual(read, ['flypaper_hold', 'flypaper_pending', 'flypaper_hold6', 'flypaper_pending6'])
  assert.equal(left - of('flypaper_hold').size, 70_000 - 65_536)
  assert.equal(wide.held.filter(source => source.includes(':')).length, 32_768)
})

test('where hosts of IPv6 stick one by one, those who are held are found', async () => {
  const { flypaper, of, read } = laboratory()
  of('flypaper_hold6').set('2001:db8:1::5', 20).set('2001:db8:2::', 20)
  assert.deepEqual((await freed(flypaper, '2001:db8:1::/64', NOW)).held, ['2001:db8:1::5'])
  assert.deepEqual(read, ['flypaper_hold6', 'flypaper_pending6'])
  assert.deepEqual([...of('flypaper_hold6').keys()], ['2001:db8:2::'])
})

test('free of many lets others have their turn', async () => {
  const { flypaper, of } = laboratory()
  const sources = Array.from({ length: 5000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  flypaper.stick(
    sources.map(source => offence(source)),
    NOW,
  )
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const { flies } = await freed(flypaper, '10.0.0.0/8', NOW)
  clearInterval(counting)
  assert.equal(flies.length, 5000)
  assert.ok(turns > 1, `${turns} turns`)
  assert.equal(of('flypaper').size, 0)
})

test('flies are freed by name, whoever else is within them stays', () => {
  const { flypaper, of } = laboratory()
  of('flypaper_hold').set('69.0.231.79', 20)
  flypaper.stick([offence('69.0.231.79'), offence('69.0.231.80')], NOW)
  const freed = flypaper.freeThese(['69.0.231.79', '69.0.231.81'] as Fly[], 'root', NOW)
  assert.deepEqual(freed, { flies: ['69.0.231.79'], held: [] })
  assert.deepEqual([...of('flypaper').keys()], ['69.0.231.80'])
  assert.equal(of('flypaper_hold').size, 0)
})

test('free takes out what somebody put into the set by hand', async () => {
  const { flypaper, of } = laboratory()
  of('flypaper').set('203.0.113.5', undefined)
  assert.deepEqual((await freed(flypaper, '203.0.113.5', NOW)).flies, ['203.0.113.5'])
  assert.equal(of('flypaper').size, 0)
})

test('whoever is spared is not taken over: the IPv4 host leaves the set, others are as they were', () => {
  const { firewall, of, memory } = laboratory()
  const told: unknown[] = []
  const news = { again() {}, full() {}, changed() {}, refused() {} }
  const flypaper = openFlypaper({
    firewall,
    memory,
    settings: SETTINGS,
    nameFly: flyNamer([]),
    now: NOW,
    spared: () => [parsePrefix('203.0.113.0/24')!, parsePrefix('2001:db8:3::7')!],
    told: { ...news, refusedByHand: (...what) => void told.push(what) },
  })
  const found = ['203.0.113.5', '203.0.114.5', '2001:db8:3::/64'].map(fly => ({ fly: fly as Fly }))
  of('flypaper').set('203.0.113.5', undefined).set('203.0.114.5', undefined)
  const adopted = flypaper.adopt(found, 'nft', NOW).map(({ source }) => source)
  assert.deepEqual(adopted, ['203.0.114.5', '2001:db8:3::/64'])
  assert.deepEqual([...of('flypaper').keys()], ['203.0.114.5'])
  assert.deepEqual(told, [[['203.0.113.5'], 'nft']])
})

test('expelled: hosts that are flies, and those that are in the set alone; no prefix around them', () => {
  const { flypaper, of, memory } = laboratory()
  const order = { by: 'root', force: true, never: [], near: [] }
  flypaper.lock([{ prefix: parsePrefix('68.0.0.0/7')!, length: 'forever' }], order, NOW)
  flypaper.stick(
    ['69.0.231.79', '69.0.231.80', '69.0.232.1'].map(source => offence(source)),
    NOW,
  )
  of('flypaper').set('203.0.113.5', undefined)
  flypaper.expel(
    ['69.0.231.0/24', '203.0.113.5'].map(text => parsePrefix(text)!),
    NOW + 5,
  )
  assert.deepEqual([...of('flypaper').keys()], ['69.0.232.1'])
  assert.deepEqual(
    [...flypaper.timed(() => NOW + 5)].map(({ fly }) => fly),
    ['69.0.232.1', '68.0.0.0/7'],
  )
  assert.equal(memory.newest(9).filter(({ released }) => released?.by === 'flypaperd').length, 2)
})

test('flush frees everybody and keeps the history', async () => {
  const { flypaper, of, memory } = laboratory()
  flypaper.stick([offence('69.0.231.79'), offence('2001:db8:2::5')], NOW)
  of('flypaper_hold6').set('2001:db8:3::', 20)
  assert.equal(await flypaper.flush('root', () => NOW + 1), 2)
  assert.equal(of('flypaper').size + of('flypaper6').size + of('flypaper_hold6').size, 0)
  assert.equal(flypaper.count(NOW + 1), 0)
  assert.equal(memory.newest(9).length, 2)
})

test('flush of many lets others have their turn; cut short, whoever is not freed is a fly in kernel, history and index', async () => {
  const { flypaper, of, memory, firewall } = laboratory()
  const many = Array.from({ length: 15_000 }, (_, i) => offence(`69.0.${i >> 8}.${i & 255}`))
  flypaper.stick(many, NOW)
  const flies = () => [of('flypaper').size, memory.count(NOW), flypaper.count(NOW)]
  const { take } = firewall
  Object.assign(firewall, {
    take(...asked: Parameters<Firewall['take']>) {
      if (of('flypaper').size < 10_000) throw new Error('the daemon is killed')
      return take(...asked)
    },
  })
  const flushed = flypaper.flush('root', () => NOW)
  assert.ok(flypaper.count(NOW) > 10_000, 'not all in one go')
  await assert.rejects(flushed)
  const [inKernel, ...others] = flies()
  assert.ok(inKernel! > 0 && inKernel! < 10_000)
  assert.deepEqual(others, [inKernel, inKernel])

  Object.assign(firewall, { take })
  assert.equal(await flypaper.flush('root', () => NOW), inKernel)
  assert.deepEqual(flies(), [0, 0, 0])
  assert.ok(memory.newest(15_000).every(({ released }) => released?.because === 'flushed'))

  flypaper.stick(many, NOW)
  const again = flypaper.flush('root', () => NOW)
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(flypaper.stick([offence('198.51.100.7')], NOW).length, 1)
  assert.equal(await again, 15_001)
  assert.deepEqual(flies(), [0, 0, 0])
})

test('after a restart the history knows the flies and the time they have left', () => {
  const { flypaper, open } = laboratory()
  flypaper.stick([offence('69.0.231.79'), offence('69.0.231.80', { kind: 'udp', port: 9, from: 9 })], NOW)
  const again = open(NOW + 1_200_000)
  assert.deepEqual([...again.timed(() => NOW + 1_200_000)], [{ fly: '69.0.231.79', seconds: 2400 }])
  assert.deepEqual(again.stick([offence('69.0.231.79')], NOW + 1_200_500).length, 0)
})

test('those whose time is over are forgotten here, and counted when they come again', () => {
  const { flypaper } = laboratory()
  flypaper.stick([offence('69.0.231.79')], NOW)
  flypaper.sweep(NOW + HOUR + 1)
  assert.equal(flypaper.count(NOW + HOUR + 1), 0)
  assert.equal(flypaper.stick([offence('69.0.231.79')], NOW + HOUR + 2)[0]!.times, 2)
})
