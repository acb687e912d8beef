import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SetFull } from '../../src/arm/firewall.ts'
import { decision } from '../../src/lockout/decide/decision.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { HOUR, laboratory, NOW, offence } from './laboratory.ts'

const fly = (text: string) => text as Fly

const summary = ({ source, times, since, until }: Lockout) => [
  source,
  times,
  until === 'forever' ? until : (until - since) / HOUR,
]

test('one lockout a source, in the set, in the history, and told', () => {
  const { stick, of, history } = laboratory()
  const told = stick([offence('69.0.231.79'), offence('69.0.231.79'), offence('69.0.231.80')], NOW)
  assert.deepEqual(told.map(summary), [
    ['69.0.231.79', 1, 1 / 6],
    ['69.0.231.80', 1, 1 / 6],
  ])
  assert.deepEqual(
    [...of('flypaper')],
    [
      ['69.0.231.79', 600],
      ['69.0.231.80', 600],
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

test('the length goes by the different ports of all visits that count, not by their number', () => {
  const { stick } = laboratory()
  let now = NOW
  const visit = (port: number, wait = 1) => {
    const [lockout] = stick([offence('69.0.231.79', { kind: 'tcp', port, from: 1024, flags: 2 })], now)
    now = (lockout!.until as number) + wait
    return [...summary(lockout!).slice(1), lockout!.ports?.length ?? 1]
  }
  assert.deepEqual(
    [visit(81), visit(81), visit(81)],
    [
      [1, 1 / 6, 1],
      [2, 1 / 6, 1],
      [3, 1 / 6, 1],
    ],
    'a picture in a page, each day',
  )
  assert.deepEqual(visit(82), [4, 1, 2])
  for (let port = 83; port < 90; port++) assert.equal(visit(port)[1], 1)
  assert.deepEqual(visit(90, 7 * 24 * HOUR + 2), [12, 24, 10], 'the tenth')
  assert.deepEqual(visit(91), [13, 1 / 6, 1], 'after a week of quiet nothing of that counts')
})

test('the ports of a visit from which somebody was freed do not count', async () => {
  const { stick, free } = laboratory()
  stick([offence('69.0.231.79')], NOW)
  await free(['69.0.231.79'], NOW + 1)
  const [lockout] = stick([offence('69.0.231.79', { kind: 'udp', port: 9, from: 9 })], NOW + 2)
  assert.deepEqual(summary(lockout!), ['69.0.231.79', 1, 1 / 6])
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
  assert.deepEqual(stick([offence('69.0.231.79')], NOW + 300_000), [])
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', 300]])
  assert.equal(history.newest(9).length, 1, 'it is the same lockout')
})

test('the order is kernel, history, index, then it is told; and what the kernel refuses goes no further where nobody mends it', async () => {
  const { stick, free, firewall, history, flies, told, refused } = laboratory()
  const seen: unknown[] = []
  const { add, release } = history
  const state = () => [
    firewall.first('flypaper', 100).length,
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
    await assert.rejects(free(['69.0.231.79']), /busy/)
    assert.deepEqual([state(), seen], [[1, 1, 1, 1], []])
    assert.equal(refused.length, 2)
  }
  await free(['69.0.231.79'])
  assert.deepEqual(seen, [[0, 1, 1, 1]])
})

test('where somebody arms again, what the kernel refused is remembered all the same, and he is told', async () => {
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
  assert.deepEqual((await free(['69.0.231.79'])).flies, ['69.0.231.79'])
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
  const { locked } = lock([wish], { by: 'anna', note: 'again', force: false }, NOW + 300_000)
  assert.deepEqual(locked, ['69.0.231.79'])
  assert.deepEqual([...of('flypaper')], [['69.0.231.79', 7200]])
  const { because, since, until, times, by, note } = history.find(fly('69.0.231.79'), NOW + 300_000)!
  assert.deepEqual(
    [because, since, until, times, by, note],
    ['closed-port', NOW, NOW + 7_500_000, 1, 'anna', 'again'],
  )
  assert.deepEqual(flies.get(fly('69.0.231.79'), NOW), { since: NOW, until: NOW + 7_500_000, byHand: true })
  assert.deepEqual([...of('flypaper_by_hand')], [['69.0.231.79', 7200]], 'a person has wanted it')
  assert.equal(history.newest(9).length, 1)
  assert.deepEqual([told.entered.length, told.prolonged.length, told.changed], [1, 1, 2])
})

test('whom a person has locked out stays known as such in the kernel, whatever puts him back or lets him stay longer', () => {
  const { stick, lock, commit, of, firewall } = laboratory()
  stick([offence('192.0.2.9')])
  lock([{ prefix: parsePrefix('69.0.231.79')!, length: 7200 as Seconds }], { by: 'anna', force: false }, NOW)
  const [person, stranger] = [fly('69.0.231.79'), fly('192.0.2.9')]
  for (const how of ['restore', 'refill'] as const) {
    firewall.others.delete('flypaper', '69.0.231.79')
    firewall.others.delete('flypaper_by_hand', '69.0.231.79')
    commit(decision({ [how]: [person, stranger].map(one => ({ fly: one, seconds: 60 })) }))
    assert.deepEqual([...of('flypaper').keys()].sort(), ['192.0.2.9', '69.0.231.79'], how)
    assert.deepEqual([...of('flypaper_by_hand')], [['69.0.231.79', 60]], how)
  }
  const until = NOW + 9_000_000
  commit(
    decision({
      prolong: [person, stranger].map(source => ({ source, until })),
    }),
  )
  assert.deepEqual([...of('flypaper_by_hand')], [['69.0.231.79', 9000]])
})

test('after a restart the history knows the flies and the time they have left', () => {
  const { stick, open } = laboratory()
  stick([offence('69.0.231.80')], NOW - 300_000)
  stick([offence('69.0.231.79')], NOW)
  const again = open(NOW + 400_000)
  assert.deepEqual([...again.flies.timed(() => NOW + 400_000)], [{ fly: '69.0.231.79', seconds: 200 }])
  assert.deepEqual(again.stick([offence('69.0.231.79')], NOW + 400_500).length, 0)
})

test('those whose time is over are forgotten here, and counted when they come again', () => {
  const { stick, flies } = laboratory()
  stick([offence('69.0.231.79')], NOW)
  flies.sweep(NOW + HOUR + 1)
  assert.equal(flies.count(NOW + HOUR + 1), 0)
  assert.equal(stick([offence('69.0.231.79')], NOW + HOUR + 2)[0]!.times, 2)
})
