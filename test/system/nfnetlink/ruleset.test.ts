/** The watch over a table, in a namespace of its own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { openElements, watchRuleset } from '../../../src/system/nfnetlink/index.ts'
import { describeInNamespace } from '../../support/in-namespace.ts'

/** As the flies of a restart go in: so many pieces, with one turn of the event loop between two. */
const PIECES = 500
const PIECE = 1000

describeInNamespace(import.meta.url, () => {
  test('whoever writes half a million elements loses no announcement, and none of his own is told', async () => {
    const nft = (command: string) => execFileSync('nft', ['-f', '-'], { input: command })
    nft('table inet filter { set flies { type ipv4_addr; flags timeout; size 1048576; }; }')
    let lost = 0
    const told: string[] = []
    using _ = watchRuleset({
      table: 'filter',
      onChange: ({ name, changes }) => told.push(`${name}: ${changes.length}`),
      onLost: () => lost++,
      onError: error => assert.fail(error),
    })
    using elements = openElements('filter')
    for (let piece = 0; piece < PIECES; piece++) {
      const those = Array.from({ length: PIECE }, (_, i) => {
        const n = piece * PIECE + i
        return { key: Uint8Array.of(10, n >> 16, n >> 8, n), timeoutMs: 3600_000 }
      })
      elements.change([
        { op: 'add', set: 'flies', elements: those },
        { op: 'delete', set: 'flies', elements: those },
        { op: 'add', set: 'flies', elements: those },
      ])
      await turn()
    }
    nft('add element inet filter flies { 192.0.2.1 }')
    for (let patience = 100; told.length === 0 && patience > 0; patience--) await sleep(50)
    assert.equal(lost, 0)
    assert.deepEqual(told, ['nft: 1'])
  })
})
