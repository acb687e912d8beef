import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/terms/duration.ts'

const readings: [text: string, seconds: number | undefined][] = [
  ['90', 90],
  ['0s', 0],
  ['10m', 600],
  ['1h30m', 5400],
  ['7d', 604_800],
  ['1w', 604_800],
  ['', undefined],
  ['h', undefined],
  ['10 m', undefined],
  ['1.5h', undefined],
  ['-1h', undefined],
  ['1h30', undefined],
  ['10M', undefined],
  ['1h\n', undefined],
  ['forever', undefined],
  ['9999999999', undefined],
]

for (const [text, seconds] of readings) {
  test(`reads ${JSON.stringify(text)} as ${seconds ?? 'no duration'}`, () =>
    assert.equal(parseDuration(text), seconds))
}

const writings: [seconds: number, text: string][] = [
  [0, '0s'],
  [59.6, '1m'],
  [90, '1m30s'],
  [3600, '1h'],
  [3601, '1h1s'],
  [5400, '1h30m'],
  [604_800, '7d'],
  [90_061, '1d1h'],
  [-5, '0s'],
]

for (const [seconds, text] of writings) {
  test(`writes ${seconds} seconds as ${text}`, () => assert.equal(formatDuration(seconds), text))
}

test('what is written with at most two units is read as the same duration', () => {
  const unit = fc.constantFrom(1, 60, 3600, 86_400)
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 23 }),
      unit,
      fc.integer({ min: 0, max: 23 }),
      unit,
      (a, one, b, other) => {
        const seconds = a * one + b * other
        assert.equal(parseDuration(formatDuration(seconds)), seconds)
      },
    ),
  )
})

test('what is written is never longer than the duration, and lacks less than its second unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), seconds => {
      const written = parseDuration(formatDuration(seconds))!
      assert.ok(written <= seconds && seconds - written < 3600)
    }),
  )
})

test('a duration is a whole number that can be counted on, however long the text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('999999999w', '7d', '1s'), { minLength: 1, maxLength: 50 }),
      parts => {
        const seconds = parseDuration(parts.join(''))
        assert.ok(seconds === undefined || Number.isSafeInteger(seconds))
      },
    ),
  )
  assert.equal(parseDuration('999999999w'.repeat(50)), undefined)
})
