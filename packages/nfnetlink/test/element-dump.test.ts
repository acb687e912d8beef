/** Listings and questions for single elements, of real sets. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { beforeEach, test } from 'node:test'
import { addNumbered, growing } from '../../../test/support/growing-set.ts'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { openElements, type RulesetElement, readElements } from '../src/index.ts'

const nft = (input: string) => execFileSync('nft', ['-f', '-'], { input, encoding: 'utf8' })
const HOUR_MS = 3_600_000
const KEPT = 10_000
const GROWN = 80_000
const ROUNDS = 3

/** In the order of the keys; undefined when there is no such set. */
function findElements(
  table: string,
  set: string,
  keys: readonly Uint8Array[],
): (RulesetElement | undefined)[] | undefined {
  using elements = openElements(table)
  const found = new Map(elements.ask(set, keys).map(element => [String(element.key), element]))
  return found.size > 0 || elements.exists(set) ? keys.map(key => found.get(String(key))) : undefined
}

function numbered(n: number): Uint8Array {
  return Uint8Array.of(10, n >> 16, n >> 8, n)
}

describeInNamespace(import.meta.url, () => {
  beforeEach(() =>
    nft(`flush ruleset
      table inet filter {
        set flies { type ipv4_addr; flags timeout; size 1048576; }
        set flies6 { type ipv6_addr; flags timeout; }
        set passing { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; }
      }`),
  )

  test('each question is answered, in order, however many there are, and of whatever keys', () => {
    addNumbered('flies', 0, 1000)
    const keys = Array.from({ length: 2000 }, (_, i) => numbered(i))
    const found = findElements('filter', 'flies', keys)!
    assert.equal(found.length, keys.length)
    for (const [i, element] of found.entries()) {
      assert.equal(element !== undefined, i < 1000, `element ${i}`)
      if (element === undefined) continue
      assert.deepEqual(element.key, keys[i])
      assert.ok(element.expiresMs! <= HOUR_MS && element.expiresMs! > HOUR_MS / 2)
    }
    nft(`add element inet filter flies6 { 2001:db8:: timeout 1h }
      add element inet filter passing { 192.0.2.9 . 192.0.2.1 . 6 . 81 timeout 1h }`)
    const six = Uint8Array.from([0x20, 0x01, 0x0d, 0xb8, ...Array(12).fill(0)])
    const passing = Uint8Array.of(192, 0, 2, 9, 192, 0, 2, 1, 6, 0, 0, 0, 0, 81, 0, 0)
    for (const [set, key] of [
      ['flies6', six],
      ['passing', passing],
    ] as const) {
      const other = key.slice().fill(7, 0, 1)
      const [one, none] = findElements('filter', set, [key, other])!
      assert.deepEqual([one?.key, none], [key, undefined], set)
    }
  })

  test('no such element, and no such set, are told apart', () => {
    assert.deepEqual(findElements('filter', 'flies', [numbered(1)]), [undefined])
    assert.deepEqual(findElements('filter', 'flies', []), [])
    assert.equal(findElements('filter', 'none', [numbered(1)]), undefined)
    assert.equal(findElements('nowhere', 'flies', [numbered(1)]), undefined)
    assert.throws(() => findElements('filter', 'flies6', [numbered(1)]), { code: 'failed' })
  })

  test('in a set that grows a listing tells nobody twice, and who is in it is always found', async t => {
    let short = 0
    for (let round = 0; round < ROUNDS; round++) {
      nft('flush set inet filter flies')
      addNumbered('flies', 0, KEPT)
      const grower = growing('flies', KEPT, GROWN)
      const ended = once(grower, 'exit')
      while (grower.exitCode === null) {
        const listed = (await readElements('filter', 'flies', 2 * GROWN))!
        const names = new Set(listed.map(({ key }) => String(key)))
        assert.equal(names.size, listed.length)
        const missing = Array.from({ length: KEPT }, (_, i) => numbered(i)).filter(
          key => !names.has(String(key)),
        )
        if (missing.length > 0) short++
        const found = findElements('filter', 'flies', missing)!
        assert.ok(found.every(element => element !== undefined))
      }
      await ended
      assert.equal((await readElements('filter', 'flies', 2 * GROWN))!.length, GROWN)
      assert.equal(await readElements('filter', 'flies', GROWN - 1), undefined)
    }
    t.diagnostic(`${short} listings were short`)
  })

  test('others have their turn while a large set is read', async () => {
    addNumbered('flies', 0, GROWN)
    let turns = 0
    const turning = setInterval(() => turns++, 0)
    await readElements('filter', 'flies', GROWN)
    clearInterval(turning)
    assert.ok(turns >= 10, `${turns} turns`)
  })
})
