/** The never-list by hand: what is added comes and goes in force and on the disk, whatever becomes of disk, clock and settings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NEVER_BY_HAND_MAX } from '../../src/settings/never-by-hand.ts'
import { type Prefix, parsePrefix } from '../../src/terms/address.ts'
import { BEGIN, fakeWorld, HOUR, turns } from '../support/fake-world.ts'

const prefixes = (...texts: string[]): Prefix[] => texts.map(text => parsePrefix(text)!)
const line = (who: string, until: number | 'forever' = 'forever') =>
  `${JSON.stringify({
    who,
    by: 'anna',
    since: new Date(BEGIN).toISOString(),
    until: until === 'forever' ? until : new Date(until).toISOString(),
  })}\n`

function running(toml = 'never = ["203.0.113.7"]', it = fakeWorld()) {
  const trap = it.open(toml)
  const never = (set = 'flypaper_never') => Object.keys(it.inKernel(set)).sort()
  const add = async (texts: readonly string[], until: number | 'forever' = 'forever') => {
    const freed: string[] = []
    const wish = { prefixes: prefixes(...texts), until, because: 'the monitor', by: 'anna' }
    const done = await trap.neverAdd(wish, ({ flies, held }) => void freed.push(...flies, ...held))
    return { ...done, freed }
  }
  const lock = (...texts: string[]) =>
    trap.lock(
      prefixes(...texts).map(prefix => ({ prefix, length: 'forever' as const })),
      { by: 'root', force: false },
    )
  return { ...it, trap, never, add, lock, entries: () => trap.settings.neverByHand }
}

test('what is added is in the sets beside what the settings name, written down, and gone when it is removed', async () => {
  const it = running()
  using trap = it.trap
  const { added } = await it.add(['192.0.2.80', '2001:db8:7::/48'])
  assert.deepEqual(
    added.map(({ text }) => text),
    ['192.0.2.80', '2001:db8:7::/48'],
  )
  assert.deepEqual(it.never(), ['192.0.2.80', '203.0.113.7'])
  assert.deepEqual(it.never('flypaper_never6'), ['2001:db8:7::/48'])
  assert.match(it.neverStore.text!, /^\{"who":"192\.0\.2\.80","because":"the monitor","by":"anna",/)
  const again = await it.add(['192.0.2.80'], BEGIN + HOUR)
  assert.deepEqual([again.added.length, again.changed.length], [0, 1])
  assert.equal(it.entries()[0]!.until, BEGIN + HOUR, 'the last word counts')

  const gone = await trap.neverRemove(prefixes('192.0.2.80', '203.0.113.7'), 'anna')
  assert.deepEqual([gone.removed.length, gone.missing[0]!.text], [1, '203.0.113.7'])
  assert.deepEqual(it.never(), ['203.0.113.7'], 'what the settings name stays')
  assert.doesNotMatch(it.neverStore.text!, /192\.0\.2\.80/)
  assert.equal((await trap.neverRemove(prefixes('192.0.2.80'), 'anna')).removed.length, 0, 'said twice')
})

test('whoever is locked out is free at once, a prefix around him stays, and nobody else is free', async () => {
  const it = running()
  using _ = it.trap
  it.lock('198.51.100.7', '198.51.100.8', '2001:db8:9::/64', '2001:db8:a::/64', '203.0.112.0/24')
  const { freed, around } = await it.add(['198.51.100.7', '2001:db8:9::5', '203.0.112.64/26'])
  assert.deepEqual(freed.sort(), ['198.51.100.7', '2001:db8:9::/64'])
  assert.deepEqual(around, ['203.0.112.0/24'])
  assert.deepEqual(Object.keys(it.inKernel('flypaper')), ['198.51.100.8'])
  assert.deepEqual(Object.keys(it.inKernel('flypaper6')), ['2001:db8:a::'])
  assert.deepEqual(Object.keys(it.inKernel('flypaper_nets')), ['203.0.112.0/24'])
  const whole = await it.add(['203.0.112.0/23'])
  assert.deepEqual(whole.freed, ['203.0.112.0/24'], 'one that lies in the entry is free')
})

test('by the settings and a reload as by hand: who is within is free, a prefix around stays', async () => {
  const it = running()
  using trap = it.trap
  it.lock('198.51.100.7', '2001:db8:9::/64', '203.0.112.0/24', '198.51.101.0/24')
  await trap.reload(
    it.settings('never = ["198.51.100.7", "2001:db8:9::5", "203.0.112.64/26", "198.51.101.0/24"]'),
  )
  await turns()
  assert.deepEqual(it.inKernel('flypaper'), {})
  assert.deepEqual(it.inKernel('flypaper6'), {})
  assert.deepEqual(Object.keys(it.inKernel('flypaper_nets')), ['203.0.112.0/24'])
})

test('a reload and a restart keep them; the state file for boot names them', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const it = running()
  await it.add(['192.0.2.80'])
  await it.trap.reload(it.settings('never = ["203.0.113.9"]'))
  assert.deepEqual(it.never(), ['192.0.2.80', '203.0.113.9'])
  t.mock.timers.tick(100)
  await turns()
  assert.match(it.written.at(-1)!, /192\.0\.2\.80/)
  it.trap[Symbol.dispose]()
  using trap = it.open()
  assert.deepEqual(it.never(), ['192.0.2.80'])
  assert.equal(trap.settings.neverByHand[0]!.because, 'the monitor')
})

test('the time of an entry ends by itself, without a look; then it is judged as anybody', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const it = running()
  using _ = it.trap
  await it.add(['192.0.2.80'], BEGIN + 2 * HOUR)
  await it.add(['192.0.2.81'])
  for (const hours of [1, 2]) {
    assert.deepEqual(it.never(), ['192.0.2.80', '192.0.2.81', '203.0.113.7'], `before hour ${hours}`)
    it.pass(HOUR)
    t.mock.timers.tick(HOUR)
    await turns()
  }
  assert.deepEqual(it.never(), ['192.0.2.81', '203.0.113.7'])
  assert.doesNotMatch(it.neverStore.text!, /192\.0\.2\.80"/)
  assert.deepEqual(it.lock('192.0.2.80').locked, ['192.0.2.80'])
  assert.ok(it.said.includes('on the never-list by hand no more, since their time is over: 192.0.2.80'))
})

test('a clock that is set ends nothing and lengthens nothing; a machine that was off has let the time pass', async () => {
  const it = running()
  await it.add(['192.0.2.80'], BEGIN + HOUR)
  it.setClock(10 * HOUR)
  it.trap.refresh()
  assert.equal(it.entries()[0]!.until, BEGIN + 11 * HOUR)
  await turns()
  assert.match(it.neverStore.text!, new RegExp(new Date(BEGIN + 11 * HOUR).toISOString()))
  it.setClock(-20 * HOUR)
  it.trap.refresh()
  assert.equal(it.entries()[0]!.until, BEGIN - 9 * HOUR)
  it.trap[Symbol.dispose]()

  await turns()
  it.pass(2 * HOUR)
  using trap = it.open()
  assert.deepEqual(trap.settings.neverByHand, [])
  await turns()
  assert.equal(it.neverStore.text, '')
})

test(`a full list refuses one more with a word, and takes another end for who is there: ${NEVER_BY_HAND_MAX}`, async () => {
  const it = running()
  using _ = it.trap
  const many = Array.from({ length: NEVER_BY_HAND_MAX }, (_, i) => `198.18.${i >> 8}.${i & 255}`)
  assert.equal((await it.add(many)).added.length, NEVER_BY_HAND_MAX)
  const { added, changed, refused } = await it.add(['192.0.2.80', many[0]!])
  assert.deepEqual(
    [added, changed.map(({ text }) => text), refused.map(({ prefix, why }) => [prefix.text, why])],
    [[], [many[0]], [['192.0.2.80', 'full']]],
  )
  assert.ok(!it.never().includes('192.0.2.80'))
})

test('nothing wider than files may name: neither added nor read', async () => {
  const it = fakeWorld()
  it.neverStore.text = line('::/0') + line('10.0.0.0/7')
  const { add, never, trap, said } = running('', it)
  using _ = trap
  const { refused, added } = await add([
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/7',
    '2000::/15',
    '10.0.0.0/8',
    '2001::/16',
  ])
  assert.deepEqual(
    refused.map(({ prefix, why }) => [prefix.text, why]),
    ['0.0.0.0/0', '::/0', '10.0.0.0/7', '2000::/15'].map(who => [who, 'too-wide']),
  )
  assert.deepEqual(
    added.map(({ text }) => text),
    ['10.0.0.0/8', '2001::/16'],
  )
  assert.deepEqual(never(), ['10.0.0.0/8'])
  assert.ok(said.some(line => /damaged in lines 1, 2/.test(line)))
})

test('of a damaged file what can be read is in force; it is kept aside, and that is said with the lines', async () => {
  const it = fakeWorld()
  it.neverStore.text = `${line('192.0.2.80')}{"who":"192.0.2.\n${line('192.0.2.81')}`
  const before = it.neverStore.text
  using _ = it.open()
  assert.deepEqual(Object.keys(it.inKernel('flypaper_never')).sort(), ['192.0.2.80', '192.0.2.81'])
  await turns()
  assert.deepEqual(it.neverStore.aside, [before])
  assert.equal(it.neverStore.text, line('192.0.2.80') + line('192.0.2.81'))
  assert.ok(
    it.said.includes(
      'error: the file of the never-list by hand is damaged in line 2. It is aside now, and 2 entries are in force. Put there again whoever is missing: flypaperd never add',
    ),
    it.said.join('\n'),
  )
})

test('a file that is damaged while the daemon runs takes nothing away, and is written anew', async () => {
  const it = running()
  using trap = it.trap
  await it.add(['192.0.2.80'])
  it.neverStore.text = 'garbage'
  await trap.reload(it.settings())
  trap.refresh()
  assert.deepEqual(it.never(), ['192.0.2.80'])
  await it.add(['192.0.2.81'])
  assert.equal(it.neverStore.text?.match(/"who"/g)?.length, 2)
})

test('what cannot be written is in force, told to who ordered it, and written at a later look', async () => {
  const it = running()
  using trap = it.trap
  it.neverStore.refuses = 'no space left on device'
  const { unwritten } = await it.add(['192.0.2.80'])
  assert.equal(unwritten, 'no space left on device')
  assert.ok(it.never().includes('192.0.2.80'))
  assert.ok(it.said.some(line => /^error: who is on the never-list by hand is not written down/.test(line)))
  it.neverStore.refuses = undefined
  trap.refresh()
  await turns()
  assert.match(it.neverStore.text!, /192\.0\.2\.80/)
})

test('a disk that hangs at the start: nothing is taken that would write over what is not known, and it is in force when it answers', async () => {
  const it = fakeWorld()
  it.neverStore.text = line('192.0.2.80')
  const { promise, resolve } = Promise.withResolvers<void>()
  it.neverStore.hang = promise
  const { add, never, trap, lock } = running('', it)
  using _ = trap
  lock('192.0.2.80', '192.0.2.90')
  await assert.rejects(add(['192.0.2.81']), /is not known, since the disk has not answered yet/)
  assert.deepEqual(never(), [])
  it.neverStore.hang = undefined
  resolve()
  await turns()
  assert.deepEqual(never(), ['192.0.2.80'])
  assert.deepEqual(Object.keys(it.inKernel('flypaper')), ['192.0.2.90'], 'and is free')
  assert.equal((await add(['192.0.2.81'])).added.length, 1)
})

test('a disk that hangs later keeps nobody waiting for long', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const it = running()
  using _ = it.trap
  const { promise, resolve } = Promise.withResolvers<void>()
  it.neverStore.hang = promise
  const adding = it.add(['192.0.2.80'])
  await turns()
  t.mock.timers.tick(2000)
  assert.equal((await adding).unwritten, 'its disk does not answer')
  assert.ok(it.never().includes('192.0.2.80'))
  it.neverStore.hang = undefined
  resolve()
  await turns()
  assert.match(it.neverStore.text!, /192\.0\.2\.80/)
})
