import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { tolerantHistory } from '../../src/history/tolerant.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { batch, SINCE } from '../history/lockouts.ts'

const MB = 1024 * 1024
/** More than the log is when nobody reads: SQLite empties it at 4,000 pages. */
const LOG_MAX = 20 * MB
/** What one second writes here, at most. */
const SLACK = 4 * MB

function fresh(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'history-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'history.db')
  const said: string[] = []
  const log = { info() {}, warn: (text: string) => said.push(text), error: (text: string) => said.push(text) }
  const database = openDatabase(file, { migrations: MIGRATIONS, readOnly: false, logMax: LOG_MAX })
  const history = tolerantHistory(openHistory(database), { log, now: () => SINCE, isDamage: () => false })
  let first = 0
  const bytes = () => statSync(`${file}-wal`).size
  /** Seconds of a flood, in small batches, each of which writes many pages. Tells the largest log. */
  async function flood(seconds: number): Promise<number> {
    let most = 0
    for (let second = 0; second < seconds; second++) {
      for (let n = 0; n < 20; n++, first += 5) history.add(batch(first, 5))
      history.retry()
      await history.sync()
      most = Math.max(most, bytes())
    }
    return most
  }
  return { file, history, said, flood, rows: () => first }
}

test('a reader that stays cannot make the log grow without an end, and when it has gone, all is written', async t => {
  const { file, history, said, flood, rows } = fresh(t)
  using _ = history
  await flood(5)
  const reader = openHistoryFile(file, { readOnly: true })
  const reading = reader.select({}, SINCE, 'until')[Symbol.iterator]()
  assert.ok(reading.next().value !== undefined)
  const held = await flood(60)
  assert.ok(held > LOG_MAX, `the control: ${held} bytes, more than the log has where nobody reads`)
  assert.ok(held < LOG_MAX + SLACK, `${held} bytes`)
  assert.match(said[0] ?? '', /-wal is full: some program has been reading/)
  assert.ok(history.count(SINCE) < rows())
  reading.return?.()
  reader[Symbol.dispose]()
  const after = await flood(10)
  assert.equal(history.count(SINCE), rows(), 'what waited is written')
  assert.ok(after < LOG_MAX + SLACK)
  assert.match(said.at(-1)!, /the history is written again/)
})

test('where nobody reads, or a reader comes and goes, nothing waits', async t => {
  const { file, history, said, flood, rows } = fresh(t)
  using _ = history
  for (let n = 0; n < 12; n++) {
    const most = await flood(5)
    assert.ok(most < LOG_MAX, `${most} bytes`)
    using reader = openHistoryFile(file, { readOnly: true })
    assert.equal(reader.count(SINCE), rows())
  }
  assert.deepEqual(said, [])
})
