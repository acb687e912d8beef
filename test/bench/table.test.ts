import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replaced, tableOf } from '../../bench/support/table.ts'

test('a figure has a row for each that stands beside it, with the verdict where it belongs', () => {
  const figure = {
    what: 'CPU of 1,000 lockouts',
    unit: 's',
    runs: [0.019, 0.02, 0.021],
    beside: [
      { name: 'kernel alone', runs: [0, 0, 0] },
      { name: 'C', runs: [0.01, 0.01, 0.01] },
    ],
    wanted: { bound: 'at most', value: 2.5, timesOf: 'C' },
  } as const
  assert.equal(
    tableOf({ title: 'A flood', figures: [figure, { what: 'resident', unit: 'MB', runs: [64000] }] }),
    `### A flood

|                           | flypaperd | beside          | ratio | wanted            |         |
|---------------------------|-----------|-----------------|-------|-------------------|---------|
| CPU of 1,000 lockouts [s] | 0.02 ±5 % | kernel alone: 0 | –     |                   |         |
|                           |           | C: 0.01         | 2.00  | at most 2.5 times | reached |
| resident [MB]             | 64,000    |                 |       |                   |         |
`,
  )
})

test('a document gets the new figures between its markers, and a document without them is refused', () => {
  const document = 'Before\n<!-- measured by npm run bench -->\nold\n<!-- end of what was measured -->\nAfter'
  const renewed = replaced(document, 'new')
  assert.equal(renewed, document.replace('old', 'new\n').replace('new\n\n', 'new\n'))
  assert.equal(replaced(renewed, 'new'), renewed)
  assert.throws(() => replaced('Before', 'new'), /lacks/)
})
