import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { INTERVAL_MS, type Passing, type PassingSets, watchRefused } from '../../src/capture/refused.ts'
import type { Address } from '../../src/terms/address.ts'

const LIFE_MS = 20_000

function passing(source: string, expiresMs: number): Passing {
  return { source: source as Address, destination: '192.0.2.1' as Address, protocol: 6, port: 81, expiresMs }
}

/** A kernel whose elements grow older as the looks go by; `at` tells what is there at each look. */
function watching(at: (look: number) => Passing[] | Error) {
  const told: string[] = []
  const errors: string[] = []
  let looks = 0
  const sets: PassingSets = {
    async passing() {
      const found = at(looks++)
      if (found instanceof Error) throw found
      return found
    },
    pending: async () => new Set(['198.51.100.1']),
  }
  const watch = watchRefused(
    sets,
    (refused, pending) => told.push(...refused.map(({ source }) => `${source} ${pending.has(source)}`)),
    error => errors.push(String(error)),
  )
  return { watch, told, errors, looks: () => looks }
}

async function until(is: () => boolean): Promise<void> {
  for (let patience = 1000; patience > 0 && !is(); patience--) await sleep(20)
  assert.ok(is())
}

const age = (look: number) => LIFE_MS - look * INTERVAL_MS

test('what stays was refused, and is told once when it is taken out; who is pending is told apart', async () => {
  const { watch, told, looks } = watching(look =>
    look > 1 ? [] : [passing('198.51.100.1', age(look)), passing('198.51.100.2', age(look))],
  )
  using _ = watch
  watch.look()
  watch.look()
  await until(() => looks() >= 3)
  assert.deepEqual(told, ['198.51.100.1 true', '198.51.100.2 false'])
  const before = looks()
  await sleep(4 * INTERVAL_MS)
  assert.ok(looks() <= before + 1, 'nobody came, nobody looks')
})

test('who was on his way at both looks, and came out between them, is not accused', async () => {
  const { watch, told, looks } = watching(look => (look > 3 ? [] : [passing('198.51.100.1', LIFE_MS)]))
  using _ = watch
  watch.look()
  await until(() => looks() >= 5)
  assert.deepEqual(told, [])
})

test('a look that fails accuses nobody, and the next one is made', async () => {
  const { watch, told, errors, looks } = watching(look =>
    look === 0 ? new Error('no kernel') : look > 2 ? [] : [passing('198.51.100.1', age(look))],
  )
  using _ = watch
  watch.look()
  await until(() => looks() >= 4)
  assert.deepEqual([told, errors], [['198.51.100.1 true'], ['Error: no kernel']])
})
