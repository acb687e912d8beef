import assert from 'node:assert/strict'
import { test } from 'node:test'
import { laboratory, NOW, offence } from './laboratory.ts'

test('free tells whom it met, ends the hold, and the time does not count', async () => {
  const { stick, free, of, history, firewall, told } = laboratory()
  stick([offence('69.0.231.79'), offence('69.0.231.80'), offence('2001:db8:2::5')])
  for (const source of ['69.0.231.79', '198.51.100.7']) firewall.others.add('flypaper_hold', source, 20)
  assert.deepEqual(await free(['69.0.231.79'], NOW + 5), { flies: ['69.0.231.79'], held: [] })
  assert.deepEqual([...of('flypaper_hold').keys()], ['198.51.100.7'])
  assert.deepEqual(await free(['69.0.231.79'], NOW + 6), { flies: [], held: [] })
  assert.deepEqual(await free(['198.51.100.0/24']), { flies: [], held: ['198.51.100.7'] })
  assert.deepEqual((await free(['2001:db8:2::77'])).flies, ['2001:db8:2::/64'])
  assert.deepEqual((await free(['69.0.0.0/16'])).flies, ['69.0.231.80'])
  assert.equal(of('flypaper').size + of('flypaper6').size + of('flypaper_hold').size, 0)
  assert.equal(history.newest(9).find(({ source }) => source === '69.0.231.79')?.released?.by, 'root')
  assert.deepEqual(
    told.left.map(({ flies }) => [...flies]),
    [['69.0.231.79'], ['2001:db8:2::/64'], ['69.0.231.80']],
  )
  assert.equal(stick([offence('69.0.231.79')], NOW + 9)[0]!.times, 1)
})

test('many are held: of hosts and small prefixes none of the sets is read, and a wide prefix is read once', async () => {
  const toml = 'closed = "unaccepted"\nsizes.hold = 131072'
  const { stick, free, of, firewall } = laboratory({ toml })
  const host = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
  for (let n = 0; n < 70_000; n++) {
    firewall.others.add('flypaper_hold', host(n), 20)
    firewall.others.add('flypaper_hold6', `2001:db8:7:${n.toString(16)}::`, 20)
  }
  stick([offence('10.0.7.7'), offence('10.1.1.1'), offence('2001:db8:7:5::9')])
  assert.deepEqual(await free(['10.0.7.7']), { flies: ['10.0.7.7'], held: [] })
  assert.deepEqual((await free(['10.0.8.8'])).held, ['10.0.8.8'])
  assert.equal((await free(['10.0.7.0/24', '10.0.16.0/20'])).held.length, 255 + 4096)
  assert.equal((await free(['2001:db8:7:100::/56'])).held.length, 256)
  assert.deepEqual((await free(['2001:db8:7:5::/64'])).flies, ['2001:db8:7:5::/64'])
  assert.deepEqual(firewall.wasRead, [])
  assert.ok(of('flypaper_hold').has('10.0.6.255') && of('flypaper_hold').has('10.0.8.0'), 'the control')
  const left = of('flypaper_hold').size
  const wide = await free(['10.1.0.0/16', '2001:db8:7:8000::/49'])
  assert.deepEqual(wide.flies, ['10.1.1.1'])
  assert.deepEqual(firewall.wasRead, [
    'flypaper_hold',
    'flypaper_pending',
    'flypaper_hold6',
    'flypaper_pending6',
  ])
  assert.equal(left - of('flypaper_hold').size, 70_000 - 65_536)
  assert.equal(wide.held.filter(source => source.includes(':')).length, 32_768)
})

test('where hosts of IPv6 stick one by one, those who are held are found', async () => {
  const { free, of, firewall } = laboratory()
  for (const held of ['2001:db8:1::5', '2001:db8:2::']) firewall.others.add('flypaper_hold6', held, 20)
  assert.deepEqual((await free(['2001:db8:1::/64'])).held, ['2001:db8:1::5'])
  assert.deepEqual(firewall.wasRead, ['flypaper_hold6', 'flypaper_pending6'])
  assert.deepEqual([...of('flypaper_hold6').keys()], ['2001:db8:2::'])
})

test('free of many lets others have their turn', async () => {
  const { stick, free, of } = laboratory()
  const sources = Array.from({ length: 5000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  stick(sources.map(source => offence(source)))
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const { flies } = await free(['10.0.0.0/8'])
  clearInterval(counting)
  assert.equal(flies.length, 5000)
  assert.ok(turns > 1, `${turns} turns`)
  assert.equal(of('flypaper').size, 0)
})

test('flies are freed by name, whoever else is within them stays', () => {
  const { stick, freeThese, of, firewall } = laboratory()
  firewall.others.add('flypaper_hold', '69.0.231.79', 20)
  stick([offence('69.0.231.79'), offence('69.0.231.80')])
  assert.deepEqual(freeThese(['69.0.231.79', '69.0.231.81']), { flies: ['69.0.231.79'], held: [] })
  assert.deepEqual([...of('flypaper').keys()], ['69.0.231.80'])
  assert.equal(of('flypaper_hold').size, 0)
})

test('free takes out what somebody put into the set by hand', async () => {
  const { free, of, firewall } = laboratory()
  firewall.others.add('flypaper', '203.0.113.5')
  assert.deepEqual((await free(['203.0.113.5'])).flies, ['203.0.113.5'])
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
