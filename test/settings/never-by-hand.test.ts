/** The lines of the never-list by hand: what was written is read, and what is none is told by its number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  entryLines,
  NEVER_BY_HAND_BYTES,
  NEVER_BY_HAND_MAX,
  readEntryLines,
} from '../../src/settings/never-by-hand.ts'
import type { NeverEntry } from '../../src/settings/settings.ts'
import { parsePrefix } from '../../src/terms/address.ts'

const SINCE = Date.UTC(2026, 10, 24)
const entry = (who: string, more: Partial<NeverEntry> = {}): NeverEntry => ({
  prefix: parsePrefix(who)!,
  by: 'anna (root)',
  since: SINCE,
  until: 'forever',
  ...more,
})
const textOf = (entries: readonly NeverEntry[]) => [...entryLines(entries)].join('')

test('whatever the words are: a line of ASCII each, and the same again', () => {
  const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(words, words, fc.integer({ min: 1, max: 1e9 }), (by, because, ms) => {
      const entries = [entry('192.0.2.7', { by, because, until: SINCE + ms }), entry('2001:db8:7::/48')]
      const text = textOf(entries)
      assert.match(text, /^[\x20-\x7e]+\n[\x20-\x7e]+\n$/)
      assert.deepEqual(readEntryLines(text), { entries, wrong: [] })
    }),
  )
})

test('what is no entry costs its line alone', () => {
  const [good, better] = [entry('192.0.2.7'), entry('192.0.2.8')].map(one => textOf([one]))
  const bad = [
    'garbage',
    '[]',
    'null',
    '{"who":"192.0.2.9"}',
    good!.replace('192.0.2.7', '192.0.2.300').trim(),
    good!.replace('192.0.2.7', 'example.org').trim(),
    good!.replace('192.0.2.7', '0.0.0.0/0').trim(),
    good!.replace('192.0.2.7', '::/15').trim(),
    good!.replace('forever', 'tomorrow').trim(),
    good!.replace('"by":"anna (root)"', `"by":"${'x'.repeat(401)}"`).trim(),
    good!.replace('"by":', `"because":"${'x'.repeat(201)}","by":`).trim(),
  ]
  const { entries, wrong } = readEntryLines(`${good}${bad.join('\n')}\n${better}`)
  assert.deepEqual(
    entries.map(({ prefix }) => prefix.text),
    ['192.0.2.7', '192.0.2.8'],
  )
  assert.deepEqual(
    wrong,
    bad.map((_, i) => i + 2),
  )
})

test('a full list of the longest entries fits into what is read; one more is told', () => {
  const longest = (i: number) =>
    entry(`2001:db8:ffff:ffff:ffff:ffff:ffff:${(0x1000 + i).toString(16)}`, {
      by: '\ud83d\udd78'.repeat(200),
      because: '\ud83d\udd78'.repeat(100),
    })
  const many = Array.from({ length: NEVER_BY_HAND_MAX }, (_, i) => longest(i))
  const text = textOf(many)
  assert.ok(text.length <= NEVER_BY_HAND_BYTES, `${text.length}`)
  assert.deepEqual(readEntryLines(text).wrong, [])
  const { entries, wrong } = readEntryLines(text + textOf([longest(NEVER_BY_HAND_MAX)]))
  assert.deepEqual([entries.length, wrong], [NEVER_BY_HAND_MAX, [NEVER_BY_HAND_MAX + 1]])
})
