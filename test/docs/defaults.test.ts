/** docs/defaults.md: every setting that it names is one, every setting that decides about a source is named, and the figures are the defaults. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'

const text = readFileSync('docs/defaults.md', 'utf8')
const named = new Set([...text.matchAll(/`([a-z_.]+)`/g)].map(([, name]) => name!))

test('it names what is a setting, and each that decides about a source', () => {
  const all = [
    ...Object.keys(topSettings),
    ...Object.entries(tableSettings).flatMap(([table, of]) => [
      table,
      ...Object.keys(of).map(name => `${table}.${name}`),
    ]),
  ]
  assert.deepEqual(
    [...named].filter(name => !all.includes(name)),
    [],
  )
  const deciding = all.filter(name => /^(evidence|lockout)\./.test(name) && name !== 'evidence.threshold')
  assert.deepEqual(
    deciding.filter(name => !named.has(name)),
    [],
  )
})

test('its figures are the defaults', () => {
  const { lockout, evidence, promotion, bootGrace, served, history, dryRun, never } = parseSettings('', 'f')
  assert.deepEqual(
    [
      lockout.first,
      lockout.several,
      lockout.many,
      lockout.manyPorts,
      lockout.remember,
      lockout.longestForgeable,
    ],
    [600, 3600, 86_400, 10, 7 * 86_400, 86_400],
  )
  for (const { closed, longest } of [evidence.peer, evidence.known])
    assert.deepEqual([evidence.threshold / closed, longest], [3, 3600])
  assert.deepEqual([promotion.burst, promotion.perSecond, bootGrace, served], [500, 10, 60, 600])
  assert.deepEqual([history.keep, history.most, history.samplesPerSecond], [365 * 86_400, 1_000_000, 0])
  const { ping, noise, protocols, silent, excusable, sisters } = evidence
  assert.ok(excusable.length > 0 && sisters.length > 0)
  assert.deepEqual(
    { ping, noise, protocols, silent },
    { ping: 'never', noise: 'silence', protocols: 'offence', silent: [] },
  )
  assert.deepEqual([dryRun, never], [false, []])
})
