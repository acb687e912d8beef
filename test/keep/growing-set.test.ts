/** The comparison of sets and index in the kernel, while a set grows as in a flood: listings come short. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Memory } from '../../src/lockout/lockout.ts'
import { openFirewall } from '../../src/system/firewall.ts'
import { kernelSets } from '../../src/system/kernel-sets.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { addNumbered, growing } from '../support/growing-set.ts'
import { describeInNamespace } from '../support/in-namespace.ts'
import { reconciling } from '../support/reconciling.ts'

const HOUR_MS = 3_600_000
const FLIES = 10_000
const GROWN = 60_000
const ROUNDS = 3

const flyOf = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` as Fly
const flies = Array.from({ length: FLIES }, (_, i) => flyOf(i))
/** Who was taken out while no daemon ran. */
const FREED = [7, 5000, FLIES - 1].map(flyOf)

/** A memory that knows the flies. */
function memory(): Memory {
  return {
    add() {},
    prolong() {},
    pastOf: () => new Map(),
    terms: now => flies.map(source => ({ source, since: now, until: now + HOUR_MS })),
    release: sources => sources.length,
    releaseAll: () => 0,
  }
}

describeInNamespace(import.meta.url, () => {
  test('whoever was taken out was freed by hand, and nobody else, however short the listing', async t => {
    let short = 0
    const counting = {
      ...kernelSets,
      async read(...asked: Parameters<typeof kernelSets.read>) {
        const found = await kernelSets.read(...asked)
        if (found === undefined) return undefined
        const names = new Set<string>(found.map(({ element }) => element))
        if (asked[0] === 'flypaper' && flies.filter(fly => !names.has(fly)).length > FREED.length) short++
        return found
      },
    }
    for (let round = 0; round < ROUNDS; round++) {
      execFileSync('nft', ['-f', '-'], {
        input: `flush ruleset
          table inet filter {
            set flypaper { type ipv4_addr; flags timeout; size 1048576; }
            set flypaper6 { type ipv6_addr; flags timeout; size 1048576; }
          }`,
      })
      addNumbered('flypaper', 0, FLIES)
      execFileSync('nft', ['delete', 'element', 'inet', 'filter', 'flypaper', `{ ${FREED.join(', ')} }`])
      using firewall = openFirewall()
      const history = { ...memory(), knows: () => false }
      const { run } = reconciling({ firewall, kernelSets: counting, history, now: Date.now })
      const grower = growing('flypaper', FLIES, GROWN)
      const ended = once(grower, 'exit')
      const settled = await run('confirmed')
      assert.deepEqual([...settled!.freed].sort(), [...FREED].sort())
      const known = new Set(flies)
      assert.ok(settled!.adopted.every(fly => !known.has(fly)))
      await ended
    }
    t.diagnostic(`${short} of ${ROUNDS} listings were short`)
  })
})
