/** Every example, unchanged, on a kernel that has the nft statement `queue`. That they are what is generated is shown natively. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { makeWorld } from '../../support/world.ts'

const GOLDEN = globSync('rulesets/*/flypaper.nft').sort()

test('there are examples with the statement', () => {
  assert.ok(GOLDEN.filter(file => readFileSync(file, 'utf8').includes('queue num ')).length >= 8)
})

for (const file of GOLDEN)
  test(basename(dirname(file)), async () => {
    await using world = await makeWorld()
    const host = await world.host('kernel')
    const conf = join(dirname(file), 'nftables.conf')
    await host.must(['nft', '--check', '-f', file])
    if (existsSync(conf)) await host.must(['nft', '-f', conf])
    await host.must(['nft', '-f', file])
    const wanted = [...readFileSync(file, 'utf8').matchAll(/queue num (\d+)/g)].map(([, number]) => number)
    const listed = await host.must(['nft', 'list', 'table', 'inet', 'filter'])
    assert.deepEqual(
      [...listed.matchAll(/queue (?:num|to) (\d+)/g)].map(([, number]) => number),
      wanted,
    )
  })
