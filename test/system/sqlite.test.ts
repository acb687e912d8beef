import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/system/sqlite.ts'

const migrations = ['CREATE TABLE fly (name TEXT NOT NULL UNIQUE) STRICT']
const WRITE = { migrations, readOnly: false }
const READ = { migrations, readOnly: true }

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A database with 1,000 flies, closed. */
function filled(t: TestContext): string {
  const file = join(folderOf(t), 'some.db')
  using database = openDatabase(file, WRITE)
  const add = database.prepare('INSERT INTO fly VALUES (:name)')
  database.transaction(() => {
    for (let n = 0; n < 1000; n += 1) add.run({ name: `fly ${n} ${'x'.repeat(100)}` })
  })
  return file
}

const count = (database: ReturnType<typeof openDatabase>) =>
  database.prepare('SELECT count(*) AS n FROM fly').get()?.n

test('folder, file and -wal are made, and nobody else may read them', t => {
  const file = join(folderOf(t), 'a', 'b', 'some.db')
  const mask = process.umask(0)
  try {
    using database = openDatabase(file, WRITE)
    database.prepare('INSERT INTO fly VALUES (:name)').run({ name: 'one' })
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
    assert.deepEqual([mode(join(file, '..')), mode(file), mode(`${file}-wal`)], ['750', '640', '640'])
  } finally {
    process.umask(mask)
  }
})

test('WAL, synchronous NORMAL, and it waits for others', t => {
  using database = openDatabase(join(folderOf(t), 'some.db'), WRITE)
  const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]
  assert.deepEqual([pragma('journal_mode'), pragma('synchronous'), pragma('busy_timeout')], ['wal', 1, 1000])
})

test('a transaction that throws leaves nothing, and the next one works', t => {
  using database = openDatabase(join(folderOf(t), 'some.db'), WRITE)
  const add = database.prepare('INSERT INTO fly VALUES (:name)')
  const addTwice = () => database.transaction(() => [add.run({ name: 'one' }), add.run({ name: 'one' })])
  assert.throws(addTwice, { code: 'ERR_SQLITE_ERROR' }) // a constraint is our bug, no Failure
  assert.equal(count(database), 0)
  assert.equal(
    database.transaction(() => add.run({ name: 'one' })),
    1,
  )
  assert.equal(count(database), 1)
})

test('opening brings an older schema up to date and keeps what is in it', t => {
  const file = filled(t)
  const later = [...migrations, 'ALTER TABLE fly ADD COLUMN legs INTEGER NOT NULL DEFAULT 6']
  assert.throws(() => openDatabase(file, { migrations: later, readOnly: true }), {
    exit: 69,
    message: `${file} has version 1, this flypaperd reads version 2.`,
  })
  using database = openDatabase(file, { migrations: later, readOnly: false })
  assert.equal(database.prepare('SELECT sum(legs) AS legs FROM fly').get()?.legs, 6000)
})

test('a version that knows what is needed uses a file to which more was added; one that does not is refused', t => {
  const file = filled(t)
  const needed = [...migrations, 'ALTER TABLE fly ADD COLUMN legs INTEGER NOT NULL DEFAULT 6']
  const today = [...needed, 'ALTER TABLE fly ADD COLUMN wings INTEGER NOT NULL DEFAULT 2']
  const open = (migrations: readonly string[], readOnly = false) =>
    openDatabase(file, { migrations, needed: needed.length, readOnly })[Symbol.dispose]()
  open(today)
  for (const known of [needed, today]) for (const readOnly of [true, false]) open(known, readOnly)
  assert.throws(() => openDatabase(file, WRITE), { message: /has version 2, .* knows versions up to 1\.$/ })
  using database = openDatabase(file, { migrations: today, readOnly: true })
  assert.equal(database.prepare('SELECT sum(wings) AS wings FROM fly').get()?.wings, 2000, 'added once')
})

test('a migration that fails changes nothing', t => {
  const file = filled(t)
  const broken = [...migrations, 'ALTER TABLE fly ADD COLUMN legs INTEGER; SELECT nonsense']
  assert.throws(() => openDatabase(file, { migrations: broken, readOnly: false }), /nonsense/)
  using database = openDatabase(file, WRITE)
  assert.deepEqual(Object.keys(database.prepare('SELECT * FROM fly').get()!), ['name'])
})

for (const options of [WRITE, READ]) {
  const how = options.readOnly ? 'reading' : 'writing'

  test(`${how}: a newer database is refused, both versions named`, t => {
    const file = filled(t)
    openDatabase(file, { migrations: [...migrations, 'SELECT 1', 'SELECT 1'], readOnly: false })[
      Symbol.dispose
    ]()
    const before = readFileSync(file)
    assert.throws(() => openDatabase(file, options), {
      name: 'Failure',
      exit: 69,
      message: `${file} has version 3, this flypaperd knows versions up to 1.`,
    })
    assert.deepEqual(readFileSync(file), before)
  })

  const damages: Record<string, (file: string) => void> = {
    'no database at all': file => writeFileSync(file, 'root:x:0:0:root:/root:/bin/bash\n'.repeat(100)),
    truncated: file => truncateSync(file, 8192),
    'a header of zeroes': file =>
      writeFileSync(file, Buffer.concat([Buffer.alloc(100), readFileSync(file).subarray(100)])),
  }
  for (const [name, damage] of Object.entries(damages)) {
    test(`${how}: damaged (${name}): the file is named, and what to do`, t => {
      const file = filled(t)
      damage(file)
      assert.throws(
        () => openDatabase(file, options),
        (error: Error & { exit: number; hint: string }) =>
          error.name === 'Failure' &&
          error.exit === 69 &&
          error.message.includes(file) &&
          /Move it aside/.test(error.hint),
      )
    })
  }
}

test('damage that only shows later is told as damage too', t => {
  const file = filled(t)
  const bytes = readFileSync(file)
  bytes.fill(0xff, 3 * 4096)
  writeFileSync(file, bytes)
  assert.throws(() => openDatabase(file, WRITE), { name: 'Failure', exit: 69, message: /is damaged/ })
  using database = openDatabase(file, READ)
  const all = () => [...database.each('SELECT name FROM fly NOT INDEXED')]
  assert.throws(all, { name: 'Failure', exit: 69, message: /is damaged/ })
})

test('read-only makes and changes nothing: no file, no -wal, no -shm', t => {
  const file = filled(t)
  {
    using database = openDatabase(file, READ)
    assert.equal(count(database), 1000)
  }
  assert.deepEqual(readdirSync(join(file, '..')), ['some.db'])

  const missing = join(file, '..', 'folder', 'missing.db')
  using empty = openDatabase(missing, READ)
  assert.equal(count(empty), 0)
  assert.deepEqual(readdirSync(join(file, '..')), ['some.db'])
})

test('read-only sees what a killed writer left in the -wal', t => {
  const file = join(folderOf(t), 'some.db')
  const script = `const { openDatabase } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/system/sqlite.ts'))})
    const database = openDatabase(${JSON.stringify(file)}, ${JSON.stringify(WRITE)})
    database.prepare("INSERT INTO fly VALUES ('one')").run()
    process.kill(process.pid, 'SIGKILL')`
  assert.equal(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal, 'SIGKILL')
  using database = openDatabase(file, READ)
  assert.equal(count(database), 1)
})

test('a database that another program is writing to', t => {
  const file = filled(t)
  using one = openDatabase(file, WRITE)
  using other = openDatabase(file, WRITE)
  one.transaction(() => {
    assert.throws(() => other.transaction(() => {}), {
      name: 'Failure',
      exit: 69,
      message: /Another program holds/,
    })
  })
  other.transaction(() => {})
})

test('a full disk: a Failure, nothing of the transaction stays, and reading goes on', t => {
  const file = filled(t)
  using database = openDatabase(file, WRITE)
  database.prepare('PRAGMA max_page_count = 1').get() // SQLite takes it as: not one page more
  const add = database.prepare('INSERT INTO fly VALUES (:name)')
  const addMany = () =>
    database.transaction(() => {
      for (let n = 0; n < 1000; n += 1) add.run({ name: `another ${n} ${'x'.repeat(1000)}` })
    })
  assert.throws(addMany, { name: 'Failure', exit: 69, message: `No space is left for the database ${file}.` })
  assert.equal(count(database), 1000)
})

test('closing twice is fine', t => {
  const database = openDatabase(join(folderOf(t), 'some.db'), WRITE)
  database[Symbol.dispose]()
  database[Symbol.dispose]()
})

const NOBODY = 65534
const asNobody = { skip: process.getuid?.() !== 0 && 'only root can become nobody' }

/** Opens the file as nobody and tells what came of it. */
function openAsNobody(file: string, readOnly: boolean): string {
  const script = `const { openDatabase } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/system/sqlite.ts'))})
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY})
    try { openDatabase(${JSON.stringify(file)}, ${JSON.stringify({ migrations, readOnly })}); console.log('opened') }
    catch (error) { console.log(error.name, error.exit, error.message) }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  }).stdout.trim()
}

test('no permission: exit status 77, the file named', asNobody, t => {
  const file = filled(t)
  const folder = join(file, '..')
  chmodSync(folder, 0o755)
  assert.match(openAsNobody(file, true), /^Failure 77 No permission for .*some\.db/)
  chmodSync(file, 0o644)
  assert.equal(openAsNobody(file, true), 'opened')
  assert.match(openAsNobody(file, false), /^Failure 77 No permission for .*some\.db/)
  assert.match(openAsNobody(join(folder, 'new.db'), false), /^Failure 77 No permission for .*new\.db/)
  chmodSync(folder, 0o700)
  assert.match(openAsNobody(file, true), /^Failure 77 No permission for .*some\.db/)
  assert.match(openAsNobody(join(folder, 'missing.db'), true), /^Failure 77/)
})
