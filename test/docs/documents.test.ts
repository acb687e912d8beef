/** What the documents name exists: verbs, options, scripts, settings, files. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'
import { VERBS } from '../../src/surface/cli/verbs/index.ts'

const DOCUMENTS = [
  ...globSync('*.md'),
  ...globSync('docs/**/*.md'),
  ...globSync('{rulesets,docker}/README.md'),
]
const BUILT_IN = ['help']
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block]) => block!)

assert.ok(DOCUMENTS.length > 10)
for (const file of DOCUMENTS) {
  const text = readFileSync(file, 'utf8')

  test(`${file}: verbs and their options`, () => {
    const names = [...VERBS.map(({ name }) => name), ...BUILT_IN]
    const commands = text.matchAll(
      /(?:`|\$ |sudo )(?:flypaperd|npm run -s flypaperd --|node src\/main\.ts) ([a-z][a-z-]*)([^`\n|]*)/g,
    )
    for (const [command, verb, rest] of commands) {
      assert.ok(names.includes(verb!), `${command}: no such verb`)
      const known = [
        '--settings',
        '--help',
        ...(VERBS.find(({ name }) => name === verb)?.options ?? []).map(({ flags }) => flags.split(' ')[0]!),
      ]
      for (const [option] of rest!.matchAll(/--[a-z][a-z-]*/g))
        assert.ok(known.includes(option), `${command}: no such option`)
    }
  })

  test(`${file}: npm scripts`, () => {
    for (const [command, script] of text.matchAll(/npm run (?:-s )?([a-z][a-z0-9:]*)/g))
      assert.ok(script! in scripts, command)
  })

  test(`${file}: settings`, () => {
    for (const toml of blocks(text, 'toml')) parseSettings(toml, file)
  })

  test(`${file}: links and the paths of this checkout`, () => {
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      assert.ok(existsSync(join(dirname(file), link!)), link)
    for (const [, path] of text.matchAll(/`((?:src|test|rulesets|docs|demo|scripts)\/[\w./-]*)`/g))
      assert.ok(existsSync(path!), path)
  })
}

test('every verb is in the README', () => {
  const readme = readFileSync('README.md', 'utf8')
  for (const { name } of VERBS) assert.match(readme, new RegExp(`\`${name}[ \`]`), name)
})
