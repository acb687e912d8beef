import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReached, median, ratio, spread } from '../../bench/support/figure.ts'

test('the median is the middle run, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([10, 1, 9, 2]), 5.5)
  assert.ok(Number.isNaN(median([])))
})

test('the spread is the range of the runs as a part of their median', () => {
  assert.equal(spread([8, 10, 12]), 0.4)
  assert.equal(spread([0, 0]), 0)
  assert.ok(Number.isNaN(spread([7])), 'one run tells nothing about noise')
})

test('the ratio is taken run by run, so that a disturbed run disturbs it only once', () => {
  assert.equal(ratio([2, 20, 2], [1, 10, 2]), 2)
  assert.equal(ratio([4, 6], [5]), 1)
})

test('a bound is of the value, or of its ratio to one that stands beside it', () => {
  const figure = { what: 'CPU', unit: 's', runs: [5], beside: [{ name: 'C', runs: [2] }] }
  assert.equal(isReached(figure), undefined)
  assert.equal(isReached({ ...figure, wanted: { bound: 'at most', value: 5 } }), true)
  assert.equal(isReached({ ...figure, wanted: { bound: 'at least', value: 6 } }), false)
  assert.equal(isReached({ ...figure, wanted: { bound: 'at most', value: 2.5, timesOf: 'C' } }), true)
  assert.equal(isReached({ ...figure, wanted: { bound: 'at most', value: 2.4, timesOf: 'C' } }), false)
  assert.equal(isReached({ ...figure, wanted: { bound: 'at most', value: 9, timesOf: 'D' } }), undefined)
})
