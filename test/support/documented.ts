/**
 * The examples of a library's documentation, as a stranger runs them: in a folder of his own, where the packages are
 * imported by their names (here they lead to the sources; test/install/ imports what is packed).
 * Each example must print what is written below it.
 */
import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { runInNamespace } from './in-namespace.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const PACKAGES = join(CHECKOUT, 'packages')

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
      mkdirSync(join(folder, 'node_modules'))
      for (const name of readdirSync(PACKAGES))
        symlinkSync(join(PACKAGES, name), join(folder, 'node_modules', name))
      const file = join(folder, 'example.mts')
      writeFileSync(file, program)
      assert.equal(await runInNamespace(file), output)
    })
}
