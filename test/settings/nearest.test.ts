import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../src/settings/nearest.ts'

const known = ['first', 'first_udp', 'factor', 'longest', 'hold'] as const

const cases: [word: string, expected: string | undefined][] = [
  ['first', 'first'],
  ['frist', 'first'],
  ['firs', 'first'],
  ['firstUdp', 'first_udp'],
  ['FIRST-UDP', 'first_udp'],
  ['longst', 'longest'],
  ['longgesst', 'longest'],
  ['hald', 'hold'],
  ['xyz', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
]

for (const [word, expected] of cases) {
  test(`takes ${word.slice(0, 20)} for ${expected ?? 'nothing'}`, () =>
    assert.equal(nearest(word, known), expected))
}
