import assert from 'node:assert/strict'
import { test } from 'node:test'
import { laboratory, NOW, offence } from './laboratory.ts'

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
