import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { schema } from '../../src/settings/schema.ts'
import { ENDPOINTS, type Endpoint } from '../../src/surface/control/endpoints.ts'

const document = readFileSync('docs/bounds.md', 'utf8')
const rows = document
  .split('\n')
  .filter(line => /^\| [^|]+ \| [\d,]+ \| [^|]+ \|/.test(line))
  .map(line => line.split('|').map(cell => cell.trim()))

test('the bounds in the document are those of the program', () => {
  const settings = schema.parse({}) as object as Record<string, unknown>
  let constants = 0
  for (const [, what, most, setBy] of rows) {
    const number = Number(most!.replaceAll(',', ''))
    const [, name, file] = /^`(\w+)` in `(.+)`$/.exec(setBy!) ?? []
    if (name === undefined) {
      const [, setting, table] = /^`(\w+)`.* under `\[(\w+)\]`$/.exec(setBy!)!
      const property = setting!.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      assert.equal((settings[table!] as Record<string, unknown>)[property], number, what)
      continue
    }
    constants++
    const [, value] = new RegExp(`const ${name} = ([\\d_]+)\\n`).exec(readFileSync(file!, 'utf8')) ?? []
    assert.equal(Number(value?.replaceAll('_', '')), number, `${what}: ${name}`)
  }
  assert.ok(constants > 10)
})

test('every endpoint is in the document, with its turn, its bound and what was measured', () => {
  const rows = new Map(
    document
      .split('\n')
      .filter(line => /^\| `(GET|POST) /.test(line))
      .map(line => line.split('|').map(cell => cell.trim()))
      .map(([, endpoint, ...cells]) => [endpoint!.replaceAll('`', ''), cells] as const),
  )
  const ends = ['leave', 'stop']
  for (const [name, { method, path, turn }] of Object.entries<Endpoint>(ENDPOINTS)) {
    const [told, bound = ''] = rows.get(`${method} ${path}`) ?? []
    assert.equal(told, turn, `${method} ${path}`)
    if (ends.includes(name)) continue
    const [, constant, file] = /^`(\w+)` in `(.+)`$/.exec(bound) ?? []
    assert.ok(constant !== undefined && file !== undefined, `${path}: ${bound}`)
    assert.match(readFileSync(file, 'utf8'), new RegExp(`const ${constant} = [\\d_]+\\n`), path)
    isMeasured(`${method} ${path}`)
  }
  for (const manner of ['pipeline', 'storm']) isMeasured(`the metrics socket, 64 readers in a ${manner}`)
  assert.equal(rows.size, Object.keys(ENDPOINTS).length)
})

/** By the bench, which writes the figures itself. */
function isMeasured(what: string): void {
  for (const [figure, unit] of [
    ['longest standstill', 'ms'],
    ['memory at its peak', 'MB'],
  ]) {
    const row = document.split('\n').find(line => line.startsWith(`| ${what}: ${figure} [${unit}] `))
    assert.match(row ?? '', /\] +\| [\d,.]+ /, `${what}: ${figure}`)
  }
}
