/** The two packages of this repository: what is exported is documented, typed, and knows nothing of the daemon. test/install/ packs and installs them. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as nfnetlink from 'nfnetlink'
import * as nftablesJson from 'nftables-json'

test('what is exported is what is documented', () => {
  for (const [name, library] of [
    ['nfnetlink', nfnetlink],
    ['nftables-json', nftablesJson],
  ] as const) {
    const text = readFileSync(`packages/${name}/README.md`, 'utf8')
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

test('there is nothing of flypaperd inside, and nothing but what package.json names', () => {
  const files = globSync('packages/*/src/*.ts')
  assert.ok(files.length > 40, 'they were found')
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    const { dependencies } = JSON.parse(readFileSync(`${file.split('/src/')[0]}/package.json`, 'utf8')) as {
      dependencies: Record<string, string>
    }
    const imported = [...text.matchAll(/ from '([^']+)'/g)].map(([, from]) => from!)
    for (const from of imported)
      assert.ok(/^\.\/[\w-]+\.ts$|^node:/.test(from) || from in dependencies, `${file}: ${from}`)
    assert.doesNotMatch(text, /flypaper|lockout|offence|4242/i, file)
  }
})
