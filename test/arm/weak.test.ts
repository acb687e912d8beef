import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reflexPortsOf } from '../../src/arm/ruleset/weak.ts'
import { parseSettings } from '../../src/settings/load.ts'

const ports = (toml: string) => reflexPortsOf(parseSettings(`[evidence]\n${toml}`, 'test').evidence)

test('the kernel counts as many ports as the table of evidence needs, never fewer', () => {
  assert.deepEqual(ports(''), { peer: 3, known: 3, late: 3 })
  assert.deepEqual(ports('threshold = 7'), { peer: 4, known: 4, late: 4 })
  assert.deepEqual(ports('known = { illegal = 6 }\npeer = { closed = 1 }'), { peer: 6, known: 3, late: 3 })
  assert.equal(ports('stranger = { excusable = 6 }').late, 1)
})

test('where some weigh nothing, the daemon alone counts; where all do, nobody is told', () => {
  assert.equal(ports('known = { closed = 0 }').known, undefined)
  assert.equal(ports('known = { closed = 0, illegal = 0 }').known, Number.POSITIVE_INFINITY)
  assert.equal(ports('stranger = { excusable = 0 }').late, Number.POSITIVE_INFINITY)
})
