/** The examples of docs/nfnetlink.md run, and print what is written below them. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInNamespace } from '../../support/in-namespace.ts'

const library = new URL('../../../src/system/nfnetlink/index.ts', import.meta.url).href
const text = readFileSync(new URL('../../../docs/nfnetlink.md', import.meta.url), 'utf8')
const examples = [...text.matchAll(/```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)]

test('there are two examples', () => assert.equal(examples.length, 2))

for (const [index, [, program = '', output]] of examples.entries())
  test(`example ${index + 1}`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'flypaperd-documentation-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'example.mts')
    writeFileSync(file, program.replace("'flypaperd/nfnetlink'", `'${library}'`))
    assert.equal(await runInNamespace(file), output)
  })
