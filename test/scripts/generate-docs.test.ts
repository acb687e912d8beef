import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { settingsReference } from '../../scripts/settings-reference.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'

test('the generated documents are up to date', () => {
  const run = spawnSync(process.execPath, ['scripts/generate-docs.ts', '--check'], { encoding: 'utf8' })
  assert.deepEqual([run.status, run.stderr], [0, ''])
})

test('the defaults that the settings reference shows are the defaults', () => {
  const [, toml] = /```toml\n([^`]+)```/.exec(readFileSync('docs/settings.md', 'utf8')) ?? []
  assert.deepEqual(parseSettings(toml!, 'docs/settings.md'), parseSettings('', 'f'))
})

test('every setting is described by whole sentences', () => {
  const sections = settingsReference().split('\n### ').slice(1)
  const settings = [topSettings, ...Object.values(tableSettings)].flatMap(table => Object.keys(table))
  assert.equal(sections.length, settings.length)
  for (const section of sections) assert.match(section, /^\w+\n\n[A-Z].+\.\n\n.+\. Default: `.+`/)
})
