import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  INTERVAL_MS,
  type Passing,
  type PassingSets,
  type Refused,
  watchRefused,
} from '../../src/capture/refused.ts'
import type { Address } from '../../src/terms/address.ts'

const LIFE_MS = 20_000

function refused(source: string): Refused {
  return { source: source as Address, destination: '192.0.2.1' as Address, protocol: 6, port: 81 }
}

function passing(source: string, expiresMs: number): Passing {
  return { key: source, expiresMs }
}

/** A kernel whose elements grow older as the looks go by; `at` tells what is there at each look. */
function watching(at: (look: number) => Passing[] | undefined | Error, forget = () => {}) {
  const told: string[] = []
  const forgotten: string[] = []
  const asked: number[] = []
  const errors: string[] = []
  let looks = 0
  const sets: PassingSets = {
    async passing() {
      const found = at(looks++)
      if (found instanceof Error) throw found
      return found
    },
    refusedOf: refused,
    pending(sources) {
      asked.push(sources.length)
      return new Set(['198.51.100.1'])
    },
  }
  const watch = watchRefused(
    sets,
    {
      receive: (refused, pending) =>
        told.push(...refused.map(({ source }) => `${source} ${pending.has(source)}`)),
      forget(refused) {
        forget()
        forgotten.push(...refused.map(({ source }) => source))
      },
      forgetAll: () => forgotten.push('all'),
    },
    error => errors.push(String(error)),
  )
  return { watch, told, forgotten, asked, errors, looks: () => looks }
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

test('who cannot be forgotten is not judged again; another attempt of the same name is', async () => {
  let failures = 0
  const { watch, told, forgotten, errors, looks } = watching(
    // From the sixth look on it is another one, which is younger.
    look => (look > 7 ? [] : [passing('198.51.100.1', look < 6 ? age(look) : age(look - 6))]),
    () => {
      if (failures++ < 3) throw new Error('refused')
    },
  )
  using _ = watch
  watch.look()
  await until(() => looks() >= 9)
  assert.deepEqual(told, Array(2).fill('198.51.100.1 true'))
  assert.deepEqual(errors, Array(3).fill('Error: refused'))
  assert.equal(forgotten.length, 3, 'it was tried at each look')
})

test('what a listing leaves out once is judged by two looks that have it', async () => {
  const { watch, told, looks } = watching(look =>
    look > 4 ? [] : look === 1 ? [] : [passing('198.51.100.1', age(look))],
  )
  using _ = watch
  watch.look()
  await until(() => looks() >= 6)
  assert.deepEqual(told, ['198.51.100.1 true'])
})

test('as many as strangers like: judged in pieces, between which others have their turn', async () => {
  const most = 10_000
  const { watch, told, forgotten, asked, looks } = watching(look =>
    look > 1 ? [] : Array.from({ length: most }, (_, i) => passing(`10.0.${i >> 8}.${i & 255}`, age(look))),
  )
  using _ = watch
  watch.look()
  let turns = 0
  const turning = setInterval(() => turns++, 0)
  await until(() => looks() >= 3)
  clearInterval(turning)
  assert.equal(told.length, most)
  assert.equal(forgotten.length, most)
  assert.ok(Math.max(...asked) <= 256)
  assert.ok(turns > 1)
})

test('sets that hold more than they may are emptied, and nobody is judged by such a look', async () => {
  const { watch, told, forgotten, looks } = watching(look =>
    look === 1 ? undefined : look > 2 ? [] : [passing('198.51.100.1', age(look))],
  )
  using _ = watch
  watch.look()
  await until(() => looks() >= 4)
  assert.deepEqual([told, forgotten], [[], ['all']])
})
