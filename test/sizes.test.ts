/**
 * Small on purpose: no file over 300 lines, half of them under 100, no function over 60. An opener that returns functions counts
 * without them, and they count for themselves; with them it has 150 at most.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import ts from 'typescript'

const FILE_MAX = 300
const MEDIAN_MAX = 100
const FUNCTION_MAX = 60
const WITH_FUNCTIONS_MAX = 150

const files = globSync('{src,packages/*/src}/**/*.ts', { cwd: new URL('..', import.meta.url).pathname })
const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const lines = (text: string) => text.split('\n').length - 1

/** What is too long in a file: `name: lines`. */
function longFunctions(file: string, text: string): string[] {
  const found: string[] = []
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line
  const lengthOf = (node: ts.Node) => lineOf(node.end) - lineOf(node.getStart()) + 1
  const visit = (node: ts.Node): number => {
    let within = 0
    ts.forEachChild(node, child => {
      within += visit(child)
    })
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return within
    const length = lengthOf(node)
    const own = length - within
    if (own > FUNCTION_MAX || length > WITH_FUNCTIONS_MAX)
      found.push(
        `${file}: ${node.name?.getText() ?? 'a function'} has ${own} lines of its own, ${length} in all`,
      )
    // One of a single line takes none away from the function around it.
    return length > 1 ? length : 0
  }
  visit(source)
  return found
}

test('files', () => {
  const sizes = files.map(file => lines(read(file))).sort((one, other) => one - other)
  assert.ok(sizes.length > 200, 'they were found')
  assert.deepEqual(
    files.filter(file => lines(read(file)) > FILE_MAX),
    [],
  )
  assert.ok(sizes[sizes.length >> 1]! < MEDIAN_MAX)
})

test('functions', () => {
  const long = `function tooLong() {\n${'  step()\n'.repeat(FUNCTION_MAX)}}\n`
  assert.deepEqual(longFunctions('planted.ts', long), [
    `planted.ts: tooLong has ${FUNCTION_MAX + 2} lines of its own, ${FUNCTION_MAX + 2} in all`,
  ])
  assert.deepEqual(
    files.flatMap(file => longFunctions(file, read(file))),
    [],
  )
})
