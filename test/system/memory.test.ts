import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memory } from '../../src/system/memory.ts'

const MB = 1024 * 1024

test('what is collected goes back to the kernel, and nobody gets the collector to see', () => {
  const before = memory.resident()
  let garbage: unknown[] | undefined = Array.from({ length: 1_000_000 }, (_, number) => ({ number }))
  const full = memory.resident()
  assert.ok(garbage.length > 0 && full > before + 24 * MB, `${before} to ${full}`)
  garbage = undefined
  memory.collect()
  assert.ok(memory.resident() < full - 24 * MB, `${full} to ${memory.resident()}`)
  assert.equal('gc' in globalThis, false)
})
