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
    tableOf([figure, { what: 'resident', unit: 'MB', runs: [64000] }]),
    `|                           | flypaperd | beside          | ratio | wanted            |         |
|---------------------------|-----------|-----------------|-------|-------------------|---------|
| CPU of 1,000 lockouts [s] | 0.02 ±5 % | kernel alone: 0 | –     |                   |         |
|                           |           | C: 0.01         | 2.00  | at most 2.5 times | reached |
| resident [MB]             | 64,000    |                 |       |                   |         |`,
  )
})

test('a document gets new figures between the markers of a measurement, and one without them is refused', () => {
  const markers = (name: string, text: string) =>
    `<!-- measured by npm run bench -- ${name} -->\n${text}\n<!-- end of ${name} -->\n`
  const document = `Before\n${markers('fly', 'old')}between\n${markers('flies', 'stays')}After`
  const renewed = replaced(document, 'fly', 'new')
  assert.equal(renewed, document.replace('old', 'new'))
  assert.equal(replaced(renewed, 'fly', 'new'), renewed)
  assert.throws(() => replaced(document, 'flood', 'new'), /lacks .*flood/)
})
