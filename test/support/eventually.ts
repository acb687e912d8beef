/** Waiting for what comes about in its own time. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE } from './process.ts'

/** Looks until it is so. Throws when it takes more than `within` milliseconds of an idle machine, with what was awaited. */
export async function eventually(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  within = 10_000,
): Promise<void> {
  const deadline = Date.now() + within * PATIENCE
  while (!(await isSo())) {
    assert.ok(
      Date.now() < deadline,
      `not within ${within * PATIENCE} ms: ${typeof what === 'string' ? what : what()}`,
    )
    await sleep(20)
  }
}
