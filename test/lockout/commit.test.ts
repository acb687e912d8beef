import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SetFull } from '../../src/arm/firewall.ts'
import { adopt } from '../../src/lockout/decide/adopt.ts'
import { decision } from '../../src/lockout/decide/decision.ts'
import { released, spare } from '../../src/lockout/decide/leave.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { HOUR, laboratory, NOW, offence } from './laboratory.ts'

const fly = (text: string) => text as Fly
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)

const summary = ({ source, times, since, until }: Lockout) => [
  source,
  times,
  until === 'forever' ? until : (until - since) / HOUR,
]

test('one lockout a source, in the set, in the history, and told', () => {
  const { stick, of, history } = laboratory()
  const told = stick([offence('69.0.231.79'), offence('69.0.231.79'), offence('69.0.231.80')], NOW)
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
  assert.equal(history.count(NOW), 2)
  assert.deepEqual(stick([offence('69.0.231.79')], NOW + 10), [], 'a packet that was on its way')
})

test('the fly of IPv6 is the /64, on our own links the single host', () => {
  const { stick, of } = laboratory()
  const told = stick([offence('2001:db8:2::5'), offence('2001:db8:2::6'), offence('2001:db8:1::5')], NOW)
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
  const { stick } = laboratory()
  let now = NOW
  const lengths: unknown[] = []
  for (let time = 1; time <= 5; time++) {
    const [lockout] = stick([offence('69.0.231.79')], now)
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
  const [udp] = stick([offence('69.0.231.80', { kind: 'udp', port: 9, from: 9 })], now)
  assert.deepEqual(summary(udp!), ['69.0.231.80', 1, 1 / 6])
})

test('for ever, as in 2006: an element without a time, also after a restart', () => {
  const { stick, of, open } = laboratory({ toml: 'lockout.first = "forever"' })
  const [told] = stick([offence('69.0.231.79')])
  assert.equal(told!.until, 'forever')
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', undefined]])
  const century = NOW + 100 * 365 * 24 * HOUR
  assert.deepEqual(
    [...open(century).flies.timed(() => century)],
    [{ fly: '69.0.231.79', seconds: undefined }],
  )
})

test('a lockout of a forwarded packet says whom it was for', () => {
  const [lockout] = laboratory().stick([offence('69.0.231.79', undefined, 'forward')])
  assert.equal(lockout!.forwardedTo, '192.0.2.1')
})

test('a packet of a fly that is not new means that the set has lost it: it is put back for the time left', () => {
  const { stick, of, history, firewall } = laboratory()
  stick([offence('69.0.231.79')], NOW)
  firewall.others.delete('flypaper', '69.0.231.79')
  assert.deepEqual(stick([offence('69.0.231.79')], NOW + 1_800_000), [])
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', 1800]])
  assert.equal(history.newest(9).length, 1, 'it is the same lockout')
})

test('free tells whom it met, ends the hold, and the time does not count', () => {
  const { stick, free, of, history, firewall, told } = laboratory()
  stick([offence('69.0.231.79'), offence('69.0.231.80'), offence('2001:db8:2::5')])
  for (const source of ['69.0.231.79', '198.51.100.7']) firewall.others.add('flypaper_hold', source, 20)
  assert.deepEqual(free(['69.0.231.79'], NOW + 5), { flies: ['69.0.231.79'], held: [] })
  assert.deepEqual([...of('flypaper_hold').keys()], ['198.51.100.7'])
  assert.deepEqual(free(['69.0.231.79'], NOW + 6), { flies: [], held: [] })
  assert.deepEqual(free(['198.51.100.0/24']), { flies: [], held: ['198.51.100.7'] })
  assert.deepEqual(free(['2001:db8:2::77']).flies, ['2001:db8:2::/64'])
  assert.deepEqual(free(['69.0.0.0/16']).flies, ['69.0.231.80'])
  assert.equal(of('flypaper').size + of('flypaper6').size + of('flypaper_hold').size, 0)
  assert.equal(history.newest(9).find(({ source }) => source === '69.0.231.79')?.released?.by, 'root')
  assert.deepEqual(
    told.left.map(({ flies }) => [...flies]),
    [['69.0.231.79'], ['2001:db8:2::/64'], ['69.0.231.80']],
  )
  assert.equal(stick([offence('69.0.231.79')], NOW + 9)[0]!.times, 1)
})

test('free takes out what somebody put into the set by hand', () => {
  const { free, of, firewall } = laboratory()
  firewall.others.add('flypaper', '203.0.113.5')
  assert.deepEqual(free(['203.0.113.5']).flies, ['203.0.113.5'])
  assert.equal(of('flypaper').size, 0)
})

test('whoever is spared is not taken over: the IPv4 host leaves the set, others are as they were', () => {
  const { firewall, of, flies, history, commit } = laboratory()
  const spared = { never: [], unasked: prefixes('203.0.113.0/24', '2001:db8:3::7') }
  const found = ['203.0.113.5', '203.0.114.5', '2001:db8:3::/64'].map(name => ({ fly: fly(name) }))
  for (const host of ['203.0.113.5', '203.0.114.5']) firewall.others.add('flypaper', host)
  const { timesBefore } = history
  const adopted = adopt(found, 'nft', { flies, spared, timesBefore }, NOW)
  assert.deepEqual(commit(adopted.decision), [], 'they are in the set already')
  assert.deepEqual(adopted.refused, ['203.0.113.5'])
  assert.deepEqual([...flies].map(([name]) => name).sort(), ['2001:db8:3::/64', '203.0.114.5'])
  assert.deepEqual([...of('flypaper').keys()], ['203.0.114.5'])
  assert.equal(history.find(fly('203.0.114.5'), NOW)?.by, 'nft')
  const again = adopt(found.slice(1), 'nft', { flies, spared, timesBefore }, NOW)
  assert.deepEqual(again.decision, decision({}), 'they are flies already')
})

test('whoever somebody has taken out is free in index and history, and not looked for in the kernel', () => {
  const { stick, commit, flies, history, firewall } = laboratory()
  stick([offence('69.0.231.79'), offence('69.0.231.80')])
  firewall.others.delete('flypaper', '69.0.231.79')
  const before = firewall.transactions.length
  commit(released([fly('69.0.231.79'), fly('192.0.2.99')], 'nft', flies, NOW + 5), NOW + 5)
  assert.deepEqual(
    [...flies].map(([name]) => name),
    ['69.0.231.80'],
  )
  assert.equal(history.count(NOW + 5), 1)
  assert.deepEqual(
    firewall.transactions.slice(before).map(changes => changes.map(change => 'set' in change && change.set)),
    [['flypaper_hold']],
    'his hold ends',
  )
  assert.equal(stick([offence('69.0.231.79')], NOW + 9)[0]!.times, 1, 'the time does not count')
})

test('spared: hosts that are flies, and those that are in the set alone; no prefix around them', () => {
  const { stick, lock, commit, flies, of, history, firewall } = laboratory()
  lock([{ prefix: parsePrefix('68.0.0.0/7')!, length: 'forever' }], { by: 'root', force: true })
  stick(['69.0.231.79', '69.0.231.80', '69.0.232.1'].map(source => offence(source)))
  firewall.others.add('flypaper', '203.0.113.5')
  const unasked = prefixes('69.0.231.0/24', '203.0.113.5')
  commit(spare({ never: [], unasked }, flies, NOW + 5), NOW + 5)
  assert.deepEqual([...of('flypaper').keys()], ['69.0.232.1'])
  assert.deepEqual(
    [...flies.timed(() => NOW + 5)].map(({ fly }) => fly),
    ['69.0.232.1', '68.0.0.0/7'],
  )
  assert.equal(history.newest(9).filter(({ released }) => released?.by === 'flypaperd').length, 2)
})

test('of the never-list whoever overlaps it is free: both families, prefixes around it, those who are held', () => {
  const { stick, lock, commit, flies, of, history, firewall } = laboratory()
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
  const never = prefixes('198.51.100.0/24', '2001:db8:2::7', '69.0.231.79', '192.0.2.44')
  commit(spare({ never, unasked: [] }, flies, NOW + 5), NOW + 5)
  assert.deepEqual(
    [...flies].map(([name]) => name),
    ['203.0.113.0/24'],
  )
  assert.deepEqual([...of('flypaper_nets').keys()], ['203.0.113.0/24'])
  assert.deepEqual([of('flypaper').size, of('flypaper6').size], [0, 0])
  assert.deepEqual([...of('flypaper_hold').keys()], ['192.0.2.45'])
  assert.equal(history.newest(9).filter(({ released }) => released?.by === 'the never-list').length, 3)
})

test('flush frees everybody and keeps the history', async () => {
  const { stick, flush, of, flies, history, firewall } = laboratory()
  stick([offence('69.0.231.79'), offence('2001:db8:2::5')])
  firewall.others.add('flypaper_hold6', '2001:db8:3::', 20)
  assert.equal(await flush(() => NOW + 1), 2)
  assert.equal(of('flypaper').size + of('flypaper6').size + of('flypaper_hold6').size, 0)
  assert.equal(flies.count(NOW + 1), 0)
  assert.equal(history.newest(9).length, 2)
})

test('flush of many lets others have their turn; cut short, whoever is not freed is a fly in kernel, history and index', async () => {
  const { stick, flush, of, flies, history, firewall } = laboratory()
  const many = Array.from({ length: 15_000 }, (_, i) => offence(`69.0.${i >> 8}.${i & 255}`))
  stick(many)
  const counts = () => [of('flypaper').size, history.count(NOW), flies.count(NOW)]
  {
    using _ = firewall.refuse(() => of('flypaper').size < 10_000, new Error('the daemon is killed'))
    const flushed = flush()
    assert.ok(flies.count(NOW) > 10_000, 'not all in one go')
    await assert.rejects(flushed)
  }
  const [inKernel, ...others] = counts()
  assert.ok(inKernel! > 0 && inKernel! < 10_000)
  assert.deepEqual(others, [inKernel, inKernel])

  assert.equal(await flush(), inKernel)
  assert.deepEqual(counts(), [0, 0, 0])
  assert.ok(history.newest(15_000).every(({ released }) => released?.because === 'flushed'))

  stick(many)
  const again = flush()
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(stick([offence('198.51.100.7')]).length, 1)
  assert.equal(await again, 15_001)
  assert.deepEqual(counts(), [0, 0, 0])
})

test('the order is kernel, history, index, then it is told; and what the kernel refuses goes no further where nobody mends it', () => {
  const { stick, free, firewall, history, flies, told, refused } = laboratory()
  const seen: unknown[] = []
  const { add, release } = history
  const state = () => [
    firewall.elements('flypaper').length,
    history.count(NOW),
    flies.count(NOW),
    told.entered.length,
  ]
  Object.assign(history, {
    add(lockouts: readonly Lockout[]) {
      seen.push(state())
      add(lockouts)
      seen.push(state())
    },
    release(...parameters: Parameters<typeof release>) {
      seen.push(state())
      return release(...parameters)
    },
  })
  stick([offence('69.0.231.79')])
  assert.deepEqual(seen.splice(0), [
    [1, 0, 0, 0],
    [1, 1, 0, 0],
  ])
  assert.deepEqual(state(), [1, 1, 1, 1])
  {
    using _ = firewall.refuse(() => true, new Error('busy'))
    assert.throws(() => stick([offence('69.0.231.80')]), /busy/)
    assert.throws(() => free(['69.0.231.79']), /busy/)
    assert.deepEqual([state(), seen], [[1, 1, 1, 1], []])
    assert.equal(refused.length, 2)
  }
  free(['69.0.231.79'])
  assert.deepEqual(seen, [[0, 1, 1, 1]])
})

test('where somebody arms again, what the kernel refused is remembered all the same, and he is told', () => {
  const { stick, free, commit, firewall, history, flies, refused, options } = laboratory()
  options.takesRefusals = true
  firewall.refuse(() => true, new Error('busy'))
  assert.equal(stick([offence('69.0.231.79')]).length, 1)
  assert.deepEqual([history.count(NOW), flies.count(NOW), refused.length], [1, 1, 1])
  commit(decision({ restore: [{ fly: fly('69.0.231.79') }] }))
  commit(decision({ refill: [{ fly: fly('69.0.231.79') }] }))
  commit(decision({ evict: [fly('192.0.2.99')] }))
  commit(decision({ unhold: [fly('192.0.2.99')] }))
  assert.equal(refused.length, 5)
  assert.deepEqual(free(['69.0.231.79']).flies, ['69.0.231.79'])
  assert.deepEqual([history.count(NOW), flies.count(NOW)], [0, 0])
})

test('a full set is no refusal: who does not fit does not enter, all others are done', () => {
  const { stick, commit, firewall, history, flies, refused, told } = laboratory()
  stick([offence('69.0.231.79')])
  firewall.refuse(
    asked => typeof asked !== 'string' && asked.every(({ change }) => change === 'add'),
    new SetFull(),
  )
  assert.deepEqual(stick([offence('69.0.231.80')]), [])
  const gone = { flies: [fly('69.0.231.79')], release: { at: NOW, by: 'x', because: 'y', counts: true } }
  commit(
    decision({
      leave: [{ ...gone, inKernel: true }],
      enter: [{ ...told.entered[0]!, source: fly('192.0.2.9') }],
    }),
  )
  assert.deepEqual([refused, history.count(NOW), flies.count(NOW), told.entered.length], [[], 0, 0, 1])
})

test('a decision of nothing does nothing, and nobody is told', () => {
  const { commit, firewall, told } = laboratory()
  commit(decision({}))
  assert.deepEqual([firewall.transactions, told.changed], [[], 0])
})

test('prolonged: the kernel gets the other time, the history keeps the lockout, its time and its reason', () => {
  const { stick, lock, of, history, flies, told } = laboratory()
  stick([offence('69.0.231.79')])
  const wish = { prefix: parsePrefix('69.0.231.79')!, length: 7200 as Seconds }
  const { locked } = lock([wish], { by: 'anna', note: 'again', force: false }, NOW + 600_000)
  assert.deepEqual(locked, ['69.0.231.79'])
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', 7200]])
  const { because, since, until, times, by, note } = history.find(fly('69.0.231.79'), NOW + 600_000)!
  assert.deepEqual(
    [because, since, until, times, by, note],
    ['closed-port', NOW, NOW + 7_800_000, 1, 'anna', 'again'],
  )
  assert.deepEqual(flies.get(fly('69.0.231.79'), NOW), { since: NOW, until: NOW + 7_800_000 })
  assert.equal(history.newest(9).length, 1)
  assert.deepEqual([told.entered.length, told.prolonged.length, told.changed], [1, 1, 2])
})

test('after a restart the history knows the flies and the time they have left', () => {
  const { stick, open } = laboratory()
  stick([offence('69.0.231.79'), offence('69.0.231.80', { kind: 'udp', port: 9, from: 9 })], NOW)
  const again = open(NOW + 1_200_000)
  assert.deepEqual([...again.flies.timed(() => NOW + 1_200_000)], [{ fly: '69.0.231.79', seconds: 2400 }])
  assert.deepEqual(again.stick([offence('69.0.231.79')], NOW + 1_200_500).length, 0)
})

test('those whose time is over are forgotten here, and counted when they come again', () => {
  const { stick, flies } = laboratory()
  stick([offence('69.0.231.79')], NOW)
  flies.sweep(NOW + HOUR + 1)
  assert.equal(flies.count(NOW + HOUR + 1), 0)
  assert.equal(stick([offence('69.0.231.79')], NOW + HOUR + 2)[0]!.times, 2)
})
