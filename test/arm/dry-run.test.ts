import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'

const ENDS = /\b(drop|accept|queue|reject)\b|@flypaper_hold \{/

for (const [closed, telling] of [
  ['listening', 4],
  ['unmatched', 4],
  ['unaccepted', 6],
] as const) {
  test(`a dry run has the same rules, none of which ends a packet's way or holds its source: ${closed}`, () => {
    const rules = (dryRun: boolean) =>
      rulesetOf(parseSettings(`closed = "${closed}"\ndry_run = ${dryRun}`, 'test'), 'log').chains.flatMap(
        ({ paragraphs }) => paragraphs.flatMap(paragraph => paragraph.rules),
      )
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
    assert.equal(dry.length, earnest.length - 3, 'but for the three that hold')
    assert.equal(dry.filter(rule => / log group /.test(rule)).length, telling)
  })
}
