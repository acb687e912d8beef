import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { schema } from '../../src/settings/schema.ts'

const rows = readFileSync('docs/bounds.md', 'utf8')
  .split('\n')
  .filter(line => /^\| [^|]+ \| [\d,]+ \|/.test(line))
  .map(line => line.split('|').map(cell => cell.trim()))

test('the bounds in the document are those of the program', () => {
  const settings = schema.parse({}) as object as Record<string, unknown>
  let constants = 0
  for (const [, what, most, setBy] of rows) {
    const number = Number(most!.replaceAll(',', ''))
    const [, name, file] = /^`(\w+)` in `(.+)`$/.exec(setBy!) ?? []
    if (name === undefined) {
      const [, setting, table] = /^`(\w+)`.* under `\[(\w+)\]`$/.exec(setBy!)!
      assert.equal((settings[table!] as Record<string, unknown>)[setting!], number, what)
      continue
    }
    constants++
    const [, value] = new RegExp(`const ${name} = ([\\d_]+)\\n`).exec(readFileSync(file!, 'utf8')) ?? []
    assert.equal(Number(value?.replaceAll('_', '')), number, `${what}: ${name}`)
  }
  assert.ok(constants > 10)
})
