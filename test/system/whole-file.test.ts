/** A file that others read at any moment: `metrics --textfile` writes one for everybody. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeForAll } from '../../src/system/whole-file.ts'
import { Failure } from '../../src/terms/failure.ts'

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'flypaperd-test-whole-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

test('everybody may read it, whatever the umask; nothing is left beside it', async t => {
  const directory = folder(t)
  const file = join(directory, 'a.prom')
  const umask = process.umask(0o077)
  try {
    await writeForAll(file, 'one\n')
  } finally {
    process.umask(umask)
  }
  assert.equal(statSync(file).mode & 0o777, 0o644)
  assert.deepEqual(readdirSync(directory), ['a.prom'])
  await writeForAll(file, 'two\n')
  assert.equal(readFileSync(file, 'utf8'), 'two\n')
})

test('whoever reads it meanwhile sees the old text or the new one, and never a part', async t => {
  const file = join(folder(t), 'a.prom')
  const texts = ['a', 'b'].map(letter => `${letter.repeat(2_000_000)}\n`)
  await writeForAll(file, texts[0]!)
  const seen = new Set<string>()
  let isOver = false
  const reading = (async () => {
    while (!isOver) {
      const text = readFileSync(file, 'utf8')
      assert.ok(texts.includes(text), `${text.length} characters of ${text[0]}`)
      seen.add(text[0]!)
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  for (let i = 1; i <= 10; i++) await writeForAll(file, texts[i % 2]!)
  isOver = true
  await reading
  assert.equal(seen.size, 2, 'the control: both were read')
})

test('what cannot be written is told, and leaves the old one; a link that was laid beside it leads nowhere', async t => {
  const directory = folder(t)
  const file = join(directory, 'a.prom')
  await writeForAll(file, 'old\n')
  const other = join(directory, 'other')
  writeFileSync(other, 'mine\n')
  symlinkSync(other, join(directory, '.a.prom.new'))
  await writeForAll(file, 'new\n')
  assert.deepEqual([readFileSync(other, 'utf8'), readFileSync(file, 'utf8')], ['mine\n', 'new\n'])

  chmodSync(directory, 0o777)
  await assert.rejects(writeForAll(file, 'newer\n'), /others than its owner may write to/)
  chmodSync(directory, 0o755)
  assert.equal(readFileSync(file, 'utf8'), 'new\n')
  await assert.rejects(
    writeForAll(join(directory, 'missing', 'a.prom'), 'x'),
    error =>
      error instanceof Failure &&
      error.exit === 69 &&
      /missing\/a\.prom cannot be written: there is no such file/.test(error.message),
  )
})
