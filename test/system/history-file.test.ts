import assert from 'node:assert/strict'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { openHistoryFile, openLastingHistory } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { batch, HOUR, SINCE } from '../history/lockouts.ts'

function withLockouts(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'history-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'history.db')
  using history = openHistoryFile(file)
  history.add(batch(0, 5000))
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  return {
    folder,
    file,
    said,
    open: () => openLastingHistory(file, { info: say, warn: say, error: say }, () => SINCE),
  }
}

/** Damage that a disk does: each leaves something that SQLite cannot read as it was. */
const DAMAGE: Record<string, (file: string) => void> = {
  'the end is missing': file => truncateSync(file, Math.floor(readFileSync(file).length / 2) + 100),
  'the beginning is overwritten': file => {
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0x5a, 0, 512))
  },
  'a letter of a column’s name is another': file => {
    const bytes = readFileSync(file)
    bytes.write('c', bytes.indexOf('forwarded_to'))
    writeFileSync(file, bytes)
  },
  'a page in the middle is overwritten': file => {
    const bytes = readFileSync(file)
    const page = 4096 * 20
    writeFileSync(file, bytes.fill(0xa5, page, page + 64))
  },
}
for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`${what}: the file is moved aside and named, and a new history begun`, t => {
    const { folder, file, said, open } = withLockouts(t)
    copyFileSync(file, join(folder, 'as-it-was'))
    damage(file)
    const bytes = readFileSync(file)
    {
      using history = open()
      assert.equal(history.count(SINCE), 0)
      history.add(batch(0, 1))
    }
    const [aside] = readdirSync(folder).filter(name => name.startsWith('history.db.damaged-'))
    assert.match(said[0]!, new RegExp(`the history was damaged: it is \\S+${aside} now`))
    assert.deepEqual(readFileSync(join(folder, aside!)), bytes, 'nothing of it is lost')
    using again = open()
    assert.equal(again.count(SINCE), 1)
    assert.equal(said.length, 1)
  })
}

test('whatever bits are flipped: it opens, with what it reads or a new one', t => {
  const { folder, file, said, open } = withLockouts(t)
  const good = readFileSync(file)
  for (let flip = 0; flip < 60; flip++) {
    const bytes = Buffer.from(good)
    // Spread over the file, several in its first pages.
    const at = flip < 20 ? flip * 97 : Math.floor((good.length * flip) / 60)
    bytes[at] = bytes[at]! ^ (1 << (flip % 8))
    writeFileSync(file, bytes)
    const before = said.length
    using history = open()
    const flies = [...history.flies(SINCE)].length
    assert.ok(
      flies === 5000 || said.length > before || flies > 4900,
      `bit at ${at}: ${flies} flies, and not a word`,
    )
    history[Symbol.dispose]()
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
  }
})

test('a file of a newer flypaperd is refused and left as it is', t => {
  const { file, open } = withLockouts(t)
  const scripts = Array.from({ length: 99 }, () => 'SELECT 1')
  openDatabase(file, { migrations: scripts, readOnly: false })[Symbol.dispose]()
  const bytes = readFileSync(file)
  assert.throws(open, /version 99/)
  assert.deepEqual(readFileSync(file), bytes)
})

test('sync: what was written is on the disk, also right after a checkpoint has emptied the log', async t => {
  const { file, open } = withLockouts(t)
  using history = open()
  history.add(batch(5000, 10))
  await history.sync()
  using reader = openHistoryFile(file, { readOnly: true })
  assert.equal(reader.count(SINCE + HOUR / 2), 5010)
})

test('the daemon waits for no program that holds the history: what it cannot write comes later, all of it', t => {
  const { file, open, said } = withLockouts(t)
  using history = open()
  history.neverWait()
  using other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  const began = performance.now()
  for (let n = 0; n < 20; n++) {
    history.add(batch(5000 + n, 1))
    history.prune({ keepMs: 0, most: 1000 }, SINCE + 2 * HOUR)
  }
  assert.ok(performance.now() - began < 1000, 'less than one of them would wait')
  assert.match(said.join('\n'), /Another program holds/)
  assert.equal(history.retry(), true)
  other.exec('COMMIT')
  assert.equal(history.retry(), false)
  assert.equal(history.count(SINCE), 5020)
})
