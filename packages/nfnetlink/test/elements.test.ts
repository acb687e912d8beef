/** Elements in real sets. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { beforeEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import {
  firstElements,
  NetlinkError,
  openElements,
  readElements,
  readTable,
  type SetElement,
  visitElements,
} from '../src/index.ts'

const nft = (input: string) => execFileSync('nft', ['-f', '-'], { input, encoding: 'utf8' })
const listed = (set: string) =>
  execFileSync('nft', ['list', 'set', 'inet', 'filter', set], { encoding: 'utf8' })
/** Those with that time: while the kernel moves a set that has grown or shrunk, a listing may show an element twice (rhashtable_walk_next). */
const timed = (set: string, time: string) =>
  new Set(listed(set).match(new RegExp(`[\\d.]+ timeout ${time}`, 'g')))
const four = (last: number): SetElement => ({ key: Uint8Array.of(192, 0, 2, last) })
const many = (count: number): SetElement[] =>
  Array.from({ length: count }, (_, i) => ({
    key: Uint8Array.of(10, i >> 16, i >> 8, i),
    timeoutMs: 3600_000,
  }))
const refusedWith = (code: string) => (error: unknown) => error instanceof NetlinkError && error.code === code

describeInNamespace(import.meta.url, () => {
  beforeEach(() =>
    nft(`flush ruleset
      table inet filter {
        set flies { type ipv4_addr; flags timeout; size 20000; }
        set flies6 { type ipv6_addr; flags timeout; }
        set small { type ipv4_addr; size 2; }
      }`),
  )

  test('what is added is there, with its time, and what is deleted is not', () => {
    using elements = openElements('filter')
    const six = {
      key: Uint8Array.from([0x20, 0x01, 0xd, 0xb8, ...Array(11).fill(0), 5]),
      timeoutMs: 7_200_000,
    }
    elements.change([
      { op: 'add', set: 'flies', elements: [{ ...four(1), timeoutMs: 3600_000 }, four(2), four(3)] },
      { op: 'add', set: 'flies6', elements: [six] },
      { op: 'delete', set: 'flies', elements: [four(3)] },
    ])
    assert.match(listed('flies'), /192\.0\.2\.1 timeout 1h expires (1h|59m\S+)[^,]*, 192\.0\.2\.2 }/)
    assert.doesNotMatch(listed('flies'), /192\.0\.2\.3/)
    assert.match(listed('flies6'), /2001:db8::5 timeout 2h/)
    elements.change([])
    elements.change([{ op: 'add', set: 'flies', elements: [] }])
    elements.change([{ op: 'add', set: 'flies', elements: [four(2)] }])
  })

  test('a set whose elements count tells how many packets, and that it counts', () => {
    nft('add table inet filter\nadd set inet filter counting { type ipv4_addr; flags timeout; counter\n }')
    using elements = openElements('filter')
    const seven = { key: Uint8Array.of(192, 0, 2, 7) }
    nft('add element inet filter counting { 192.0.2.7 counter packets 5000000000 bytes 1 timeout 1h }')
    elements.change([{ op: 'add', set: 'counting', elements: [four(8)] }])
    const packets = (set: string, ...keys: SetElement['key'][]) =>
      elements.ask(set, keys).map(one => one.packets)
    assert.deepEqual(packets('counting', seven.key, four(8).key, four(9).key), [5_000_000_000, 0])
    elements.change([{ op: 'add', set: 'flies', elements: [four(8)] }])
    assert.deepEqual(packets('flies', four(8).key), [undefined])
    const counters = new Map(readTable('filter')!.sets.map(({ name, counter }) => [name, counter]))
    assert.deepEqual([counters.get('counting'), counters.get('flies')], [true, false])
  })

  test('a refusal says why, and nothing of the transaction is done', () => {
    using elements = openElements('filter')
    const also = { op: 'add', set: 'flies', elements: [four(9)] } as const
    const refused = (change: Parameters<typeof elements.change>[0][number], code: string) =>
      assert.throws(() => elements.change([also, change]), refusedWith(code))
    refused({ op: 'add', set: 'small', elements: [four(1), four(2), four(3)] }, 'full')
    refused({ op: 'delete', set: 'flies', elements: [four(77)] }, 'missing')
    refused({ op: 'add', set: 'none', elements: [four(1)] }, 'missing')
    refused({ op: 'add', set: 'flies6', elements: [four(1)] }, 'failed')
    assert.doesNotMatch(listed('flies'), /192/)
    elements.change([also])
    assert.match(listed('flies'), /192\.0\.2\.9/)
    using elsewhere = openElements('nowhere')
    assert.throws(() => elsewhere.change([also]), refusedWith('missing'))
  })

  test('thousands at once, and as many as that are too many', () => {
    using elements = openElements('filter')
    elements.change([{ op: 'add', set: 'flies', elements: many(4000) }])
    assert.equal(timed('flies', '1h').size, 4000)
    assert.throws(
      () => elements.change([{ op: 'add', set: 'flies', elements: many(1_000_000) }]),
      refusedWith('too-large'),
    )
    assert.equal(timed('flies', '1h').size, 4000)
  })

  for (const withoutDestroy of [false, true])
    test(`to destroy is no error for who is gone, nor for who is named twice${withoutDestroy ? ', also where the kernel only deletes' : ''}`, () => {
      using elements = openElements('filter', { withoutDestroy })
      const destroy = (set: string, ...those: SetElement[]) =>
        elements.change([{ op: 'destroy', set, elements: those }])
      elements.change([{ op: 'add', set: 'flies', elements: many(1000) }])
      destroy('flies', ...many(2000).filter((_, i) => i % 3 > 0), ...many(2000).slice(1, 5), four(1))
      assert.equal(timed('flies', '1h').size, 333)
      destroy('flies', four(1))
      assert.throws(() => destroy('none', four(1)), refusedWith('missing'))

      elements.change([{ op: 'add', set: 'small', elements: [four(1), four(2)] }])
      destroy('small', four(3), four(2), four(4), four(3))
      assert.match(listed('small'), /elements = \{ 192\.0\.2\.1 \}/)

      const again = [four(8), four(9), four(8)]
      const renewed = again.map(({ key }) => ({ key, timeoutMs: 7_200_000 }))
      for (let times = 0; times < 2; times++)
        elements.change([
          { op: 'destroy', set: 'flies', elements: again },
          { op: 'add', set: 'flies', elements: renewed },
        ])
      assert.equal(timed('flies', '2h').size, 2)
    })
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

  test('of single elements it is told which are there, with the time that they have left', () => {
    using elements = openElements('filter')
    const six = Uint8Array.of(0x20, 1, ...Array(14).fill(7))
    elements.change([
      { op: 'add', set: 'flies', elements: [{ key: 1, timeoutMs: 3600_000 }, { key: 3 }] },
      { op: 'add', set: 'flies6', elements: [{ key: six }] },
    ])
    const found = elements.ask('flies', [1, 2, 3])
    assert.deepEqual(
      found.map(({ key }) => key),
      [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 0, 0, 3)],
    )
    assert.ok(found[0]!.expiresMs! > 3_500_000 && found[0]!.expiresMs! <= 3600_000)
    assert.equal(found[1]!.expiresMs, undefined)
    assert.deepEqual(elements.ask('flies6', [Uint8Array.from(Array(16).fill(9)), six])[0]?.key, six)
    assert.deepEqual(elements.ask('none', [1]), [])
    assert.deepEqual(elements.ask('flies', []), [])
    assert.throws(() => elements.ask('flies6', [1]), refusedWith('failed'))
  })

  test('what is there is taken out, and whoever is not there is no error, also in a full set', () => {
    using elements = openElements('filter')
    elements.change([{ op: 'add', set: 'small', elements: [{ key: 1 }, { key: 2 }] }])
    assert.throws(
      () => elements.change([{ op: 'add', set: 'small', elements: [{ key: 3 }] }]),
      refusedWith('full'),
      'the control',
    )
    assert.deepEqual(elements.take('small', [3, 4]), [])
    assert.deepEqual(elements.take('small', [3, 2, 2]), [2])
    assert.deepEqual(elements.take('small', [2]), [])
    assert.deepEqual(elements.take('none', [1]), [])
    assert.deepEqual(elements.ask('small', [1, 2]).length, 1, 'the other stays')
  })

  test('a thousand are asked for and taken out of twenty thousand', () => {
    using elements = openElements('filter')
    for (let from = 0; from < 20_000; from += 4000)
      elements.change([{ op: 'add', set: 'flies', elements: numbers(from, 4000).map(key => ({ key })) }])
    const asked = elements.ask('flies', numbers(19_500, 1000))
    const keys = asked.map(({ key }) => Buffer.from(key).readUInt32BE())
    assert.deepEqual(
      keys.sort((one, other) => one - other),
      numbers(19_500, 500),
    )
    assert.deepEqual(elements.take('flies', numbers(19_500, 1000)), numbers(19_500, 500))
    assert.equal(elements.ask('flies', numbers(19_000, 1000)).length, 500)
  })

  test('elements that go by themselves while they are taken out are no error', async () => {
    using elements = openElements('filter')
    for (const round of numbers(0, 20)) {
      const keys = numbers(round * 1000, 1000)
      elements.change([
        { op: 'add', set: 'flies', elements: keys.map((key, i) => ({ key, timeoutMs: 1 + (i % 40) })) },
      ])
      while (elements.ask('flies', keys).length > 0) {
        const gone = elements.take('flies', keys.slice(0, 500))
        assert.ok(gone.length <= 500)
        await turn()
      }
    }
  })

  test('all elements are read while everything else goes on, the first at once', async () => {
    using elements = openElements('filter')
    for (let from = 0; from < 20_000; from += 4000)
      elements.change([{ op: 'add', set: 'flies', elements: numbers(from, 4000).map(key => ({ key })) }])
    let turns = 0
    const counting = setInterval(() => turns++)
    const read = await readElements('filter', 'flies', 20_000)
    clearInterval(counting)
    assert.equal(new Set(read?.map(({ key }) => key.join())).size, 20_000)
    assert.ok(turns > 3, `${turns} turns`)
    assert.equal(await readElements('filter', 'flies', 19_999), undefined)
    assert.deepEqual(await readElements('filter', 'none', 1), [])
    assert.deepEqual(await readElements('filter', 'flies6', 1), [])
    let shown = 0
    await visitElements('filter', 'flies', () => ++shown < 5)
    assert.equal(shown, 5)
    assert.equal(firstElements('filter', 'flies', 1).length, 1)
    assert.equal(firstElements('filter', 'flies', 30_000).length, 20_000)
    assert.deepEqual(firstElements('filter', 'flies6', 1), [])
    assert.deepEqual(firstElements('filter', 'none', 1), [])
  })
})
