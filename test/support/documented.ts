/**
 * The examples of a library's documentation, as a stranger runs them: in a folder of his own, where the package is
 * imported by its exported names (here they lead to the sources; test/install/ does it with the built package).
 * Each example must print what is written below it.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { runInNamespace } from './in-namespace.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')

/** Defines a test for each example, and one that there are so many. */
export function testExamples(document: string, count: number): void {
  const text = readFileSync(join(CHECKOUT, document), 'utf8')
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)]
  test(`${document} has ${count} examples`, () => {
    assert.equal(examples.length, count)
    assert.equal(text.match(/^```ts$/gm)?.length, count, 'each with its output')
  })
  for (const [index, [, program = '', output]] of examples.entries())
    test(`${document}: example ${index + 1}`, async t => {
      const folder = mkdtempSync(join(tmpdir(), 'flypaperd-documentation-'))
      t.after(() => rmSync(folder, { recursive: true }))
      installSources(join(folder, 'node_modules/flypaperd'))
      const file = join(folder, 'example.mts')
      writeFileSync(file, program)
      assert.equal(await runInNamespace(file), output)
    })
}

/** The package with its exported names, but without a build: each leads to the source of what is built. */
function installSources(folder: string): void {
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(CHECKOUT, 'src'), join(folder, 'src'))
  const { exports } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  const toSource = (built: string) => built.replace('./dist/', './src/').replace(/\.js$/, '.ts')
  const sources = Object.entries(exports).map(([name, { default: built }]) => [name, toSource(built)])
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ exports: Object.fromEntries(sources) }))
}
