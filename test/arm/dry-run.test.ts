import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textsOf } from '../../src/arm/ruleset/rule-text.ts'
import { rulesetOf, rulesIn } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'

const ENDS = /\b(drop|accept|queue|reject)\b|@flypaper_(?:hold|linked)6? \{/

for (const [closed, telling] of [
  ['listening', 11],
  ['unmatched', 11],
  ['unaccepted', 13],
] as const) {
  test(`a dry run has the same rules, none of which ends a packet's way or holds its source: ${closed}`, () => {
    const rules = (dryRun: boolean) =>
      rulesIn(
        rulesetOf(parseSettings(`closed = "${closed}"\ndry_run = ${dryRun}`, 'test'), 'log').chains,
      ).flatMap(rule => textsOf({ ...rule, why: '' }))
    const earnest = rules(false)
    const dry = rules(true)
    assert.ok(
      earnest.some(rule => ENDS.test(rule)),
      'the control',
    )
    assert.deepEqual(
      dry.filter(rule => ENDS.test(rule)),
      [],
    )
    assert.equal(dry.length, earnest.length - 18, 'but for those that hold, and those that count')
    assert.equal(dry.filter(rule => / log group /.test(rule)).length, telling)
  })
}
