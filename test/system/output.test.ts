import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program that writes 200 times 50 KB, and says on standard error what became of it. */
function writer() {
  const script = `
    import { writeOut } from '${new URL('../../src/system/output.ts', import.meta.url)}'
    let written = 0
    while (written < 200 && writeOut('x'.repeat(49_999) + '\\n')) written++
    console.error(written, process.memoryUsage().rss < 300e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { child, said: text(child.stderr) }
}

test('a reader that is slow gets everything', async () => {
  const { child, said } = writer()
  await sleep(300) // The pipe is full by now.
  assert.equal((await text(child.stdout)).length, 200 * 50_000)
  assert.equal(await said, '200 true\n')
})

test('a reader that goes away ends it', async () => {
  const { child, said } = writer()
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [written] = (await said).split(' ')
  assert.ok(Number(written) < 200, written)
})
