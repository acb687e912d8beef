import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { dayText } from '../../src/history/day.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { fly, HOUR, SINCE } from './lockouts.ts'

/** The schema of 0.1.0. */
const RELEASED = 3
const NOON = new Date(2026, 0, 2, 12).getTime()
const DAY = 24 * HOUR

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'history-migration-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'history.db')
}

/** A file of 0.1.0, with what the script puts into it. */
function released(t: TestContext, script: string): string {
  const file = fileOf(t)
  using database = openDatabase(file, { migrations: MIGRATIONS.slice(0, RELEASED), readOnly: false })
  using sqlite = new DatabaseSync(file)
  // It knows of no application_id.
  sqlite.exec(`${script}; PRAGMA application_id = 0`)
  database.prepare('SELECT 1').get()
  return file
}

function rowOf(source: string, since: number, more: Record<string, string | number | null> = {}): string {
  const row = {
    source,
    because: 'closed-port',
    since,
    until: since + HOUR,
    times: 1,
    tried: 'tcp',
    number: 22,
    detail: 2,
    ...more,
  }
  const values = Object.values(row).map(value =>
    typeof value === 'string' ? `'${value}'` : (value ?? 'NULL'),
  )
  return `INSERT INTO lockout (${Object.keys(row)}) VALUES (${values});`
}

test('a history of 0.1.0: the rows are as they were, each has its rank, and days that were pruned keep their totals', t => {
  const file = released(
    t,
    [
      rowOf('192.0.2.1', NOON, { latest: 0 }),
      rowOf('192.0.2.1', NOON + 2 * HOUR, { times: 2, latest: 0 }),
      rowOf('192.0.2.2', NOON),
      rowOf('192.0.2.3', NOON, { because: 'by-hand', locked_by: 'anna', note: 'it is enough' }),
      rowOf('2001:db8::/64', NOON, { because: 'distinct-ports' }),
      rowOf('192.0.2.4', NOON, {
        released_at: NOON + 5,
        released_by: 'anna',
        released_because: 'freed',
        counts: 0,
      }),
      rowOf('192.0.2.5', NOON, {
        released_at: NOON + 5,
        released_by: 'flypaperd',
        released_because: 'no-room',
      }),
      rowOf('192.0.2.1', NOON + DAY, { times: 3 }),
      // Of the first day two had gone already, of another one all.
      `INSERT INTO day VALUES ('${dayText(NOON)}', 8, 7, 1, 1), ('${dayText(NOON - 9 * DAY)}', 90, 80, 7, 2);`,
    ].join('\n'),
  )
  using history = openHistoryFile(file)
  const days = [
    { day: dayText(NOON - 9 * DAY), attackers: 80 },
    { day: dayText(NOON), attackers: 7 },
    { day: dayText(NOON + DAY), attackers: 1 },
  ]
  assert.deepEqual(history.sums(NOON - 30 * DAY).days, days)
  assert.equal(history.newest(99).length, 8)
  assert.equal(history.pastOf([fly('192.0.2.1')]).get(fly('192.0.2.1'))?.times, 3)
  assert.deepEqual(
    history.storyPage(['192.0.2.3'], 0).rows.map(({ by, note }) => [by, note]),
    [['anna', 'it is enough']],
  )
  using database = openDatabase(file, { migrations: MIGRATIONS, readOnly: true })
  assert.deepEqual(database.prepare('SELECT id, rank FROM lockout ORDER BY id').values(), [
    [1, 1],
    [2, 1],
    [3, null],
    [4, 3],
    [5, 1],
    [6, 3],
    [7, null],
    [8, 1],
  ])
  history.prune({ keepMs: DAY, most: 1000 }, NOON + 30 * DAY)
  assert.equal(history.newest(99).length, 1, 'the newest stays until another has come')
  assert.deepEqual(history.sums(NOON - 30 * DAY).days, days)
})

test('a reader refuses a file of 0.1.0; the file of today is one of 0.1.0, too, which finds and writes in it what it knows', t => {
  const file = released(t, rowOf('192.0.2.1', SINCE))
  assert.throws(() => openHistoryFile(file, { readOnly: true }), {
    name: 'Failure',
    message: /has version 3/,
    hint: /Start flypaperd once/,
  })
  openHistoryFile(file)[Symbol.dispose]()
  for (const readOnly of [true, false]) {
    using older = openDatabase(file, { migrations: MIGRATIONS.slice(0, RELEASED), readOnly })
    assert.equal(older.prepare('SELECT count(*) AS rows FROM lockout').get()!.rows, 1)
  }
  openHistoryFile(file, { readOnly: true })[Symbol.dispose]()
})

test('a file of a version between, which 0.1.0 refuses, is one that it reads after the next start', t => {
  const file = released(t, rowOf('192.0.2.1', SINCE))
  openDatabase(file, { migrations: MIGRATIONS.slice(0, RELEASED + 1), readOnly: false })[Symbol.dispose]()
  const old = () => openDatabase(file, { migrations: MIGRATIONS.slice(0, RELEASED), readOnly: false })
  assert.throws(old, { message: /has version 4/ })
  openHistoryFile(file)[Symbol.dispose]()
  old()[Symbol.dispose]()
})

test('killed while it is brought up to date, it is a history of 0.1.0 or one of today, and the next start has all of it', async t => {
  const many = `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000)
    INSERT INTO lockout (source, because, since, until, times, latest)
    SELECT (n % 25000) || '.x', 'closed-port', ${NOON} + n, ${NOON} + n, 1 + n / 25000, n > 35000 FROM n;`
  const file = released(t, many)
  let killed = 0
  for (let ms = 0; killed < 4 && ms < 4000; ms += 150) {
    const program = `import { openHistoryFile } from '${join(import.meta.dirname, '../../src/system/history-file.ts')}'
      console.log('begun'); openHistoryFile('${file}'); console.log('done')`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // It may be done, and gone, before it is killed.
    const closed = once(child, 'close')
    await once(child.stdout, 'data')
    await wait(ms)
    child.kill('SIGKILL')
    const [, signal] = await closed
    if (signal === 'SIGKILL') killed++
    using sqlite = new DatabaseSync(file)
    assert.equal(sqlite.prepare('SELECT count(*) AS rows FROM lockout').get()!.rows, 60_000)
    const { application_id: run } = sqlite.prepare('PRAGMA application_id').get()!
    assert.ok(run === 0 || run === MIGRATIONS.length)
    if (run === MIGRATIONS.length) break
  }
  assert.ok(killed > 0)
  using history = openHistoryFile(file)
  assert.deepEqual(history.sums(0).days, [{ day: dayText(NOON), attackers: 25_000 }])
})
