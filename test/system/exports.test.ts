/** What the two libraries export. That it can be imported by name is shown by their examples and by test/install/. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as nfnetlink from '../../src/system/nfnetlink/index.ts'
import * as nftablesJson from '../../src/system/nftables-json/index.ts'

test('what is exported is what is documented', () => {
  for (const [name, library] of [
    ['nfnetlink', nfnetlink],
    ['nftables-json', nftablesJson],
  ] as const) {
    const text = readFileSync(`docs/${name}.md`, 'utf8')
    for (const exported of Object.keys(library)) assert.ok(text.includes(exported), `${name}: ${exported}`)
  }
})

test('the types are those of the sources', () => {
  const options: nfnetlink.QueueOptions = { queues: [70_000], onBatch: () => {}, onError: () => {} }
  assert.throws(() => nfnetlink.openQueue(options), RangeError)
  const set = { family: 'inet', table: 't', name: 's' } as const
  const commands: readonly nftablesJson.Command[] = nftablesJson.put(set, ['192.0.2.1'])
  assert.equal(commands.length, 3)
  // @ts-expect-error a family that nftables does not have
  nftablesJson.put({ ...set, family: 'ipx' }, [])
})

test('there is nothing of flypaperd inside', () => {
  for (const file of globSync('src/system/{nfnetlink,nftables-json}/*.ts')) {
    const text = readFileSync(file, 'utf8')
    const imported = [...text.matchAll(/ from '([^']+)'/g)].map(([, from]) => from!)
    for (const from of imported) assert.match(from, /^\.\/[\w-]+\.ts$|^node:|^(koffi|zod)$/, file)
    assert.doesNotMatch(text, /flypaper(?!d)|lockout|offence|4242/i, file)
  }
})
