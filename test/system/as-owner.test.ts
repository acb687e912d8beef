import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
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
import { asOwnerOf } from '../../src/system/as-owner.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { stepsOf, wholeFile } from '../../src/system/whole-file.ts'
import { Failure } from '../../src/terms/failure.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'

function folderOfNobody(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'owner-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chownSync(folder, NOBODY, NOBODY)
  return folder
}

test('what root makes in the folder of the daemon belongs to the daemon', { skip }, t => {
  const file = join(folderOfNobody(t), 'history.db')
  using history = openHistoryFile(file)
  history.setMeta('a', 'b')
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    const { uid, gid } = statSync(path)
    assert.deepEqual([path, uid, gid], [path, NOBODY, NOBODY])
  }
  assert.equal(credentials(), ROOT)
})

test('a link that the daemon laid does not lead root anywhere', { skip }, t => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'owner-root-'))
  t.after(() => rmSync(elsewhere, { recursive: true }))
  const target = join(elsewhere, 'made')
  const file = join(folderOfNobody(t), 'history.db')
  symlinkSync(target, file)
  assert.throws(
    () => openHistoryFile(file),
    (error: unknown) => error instanceof Failure && error.exit === 69,
  )
  assert.ok(!existsSync(target))
  assert.equal(credentials(), ROOT, 'root again, after a failure too')
})

test('a folder of root, or none: nothing changes', { skip }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'owner-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const path of [folder, join(folder, 'none')]) assert.equal(asOwnerOf(path, credentials), ROOT)
})

test('as the owner: his user, his group, none of ours; and the right to change the firewall stays', {
  skip,
}, t => {
  const folder = folderOfNobody(t)
  const groups = process.getgroups!()
  process.setgroups!([0, 4])
  t.after(() => process.setgroups!(groups))
  const before = credentials()
  const NET_ADMIN = 1n << 12n
  const DAC = 0b111n << 1n // Override, read and search, owner.
  asOwnerOf(join(folder, 'missing', 'yet'), () => {
    const status = readFileSync('/proc/thread-self/status', 'utf8')
    assert.match(status, new RegExp(`^Uid:\\t0\\t0\\t0\\t${NOBODY}$`, 'm'))
    assert.match(status, new RegExp(`^Gid:.*\\t${NOBODY}$`, 'm'))
    assert.match(status, /^Groups:\t *$/m)
    const capabilities = BigInt(`0x${/^CapEff:\t(\w+)/m.exec(status)![1]}`)
    assert.equal(capabilities & DAC, 0n)
    assert.equal(capabilities & NET_ADMIN, NET_ADMIN)
    // Another thread is still root: one that loads a ruleset goes on.
    const others = readdirSync('/proc/self/task').map(id =>
      readFileSync(`/proc/self/task/${id}/status`, 'utf8'),
    )
    assert.ok(others.filter(other => /^Uid:\t0\t0\t0\t0$/m.test(other)).length > 1)
  })
  assert.equal(credentials(), before)
})

test('a directory that two users have a say in is refused, and nothing is done', { skip }, t => {
  const folder = folderOfNobody(t)
  const inside = join(folder, 'inside')
  mkdirSync(inside)
  const refused = (why: RegExp) =>
    assert.throws(
      () => asOwnerOf(inside, () => assert.fail('done')),
      (error: unknown) => error instanceof Failure && error.exit === 69 && why.test(error.message),
    )
  refused(/belongs to root, but \S+ to nobody, who could put another in its place$/)
  chownSync(inside, 1234, 1234)
  refused(/belongs to uid 1234, but \S+ to nobody/)
  chownSync(folder, 0, 0)
  assert.match(asOwnerOf(inside, credentials), /Uid:.*\t1234\n/)
  chmodSync(folder, 0o777)
  refused(/but everybody may write to/)
  chmodSync(folder, 0o1777)
  assert.match(asOwnerOf(inside, credentials), /Uid:.*\t1234\n/)
})

test('the state file: a link at its new name is replaced, a pipe too, and nothing is written through', {
  skip,
}, async t => {
  const folder = folderOfNobody(t)
  const target = join(mkdtempSync(join(tmpdir(), 'owner-root-')), 'target')
  writeFileSync(target, 'as it was')
  const file = wholeFile(stepsOf(join(folder, 'boot.nft')))
  for (const lay of ['ln -s "$0" "$1"', 'mkfifo "$1"', 'ln -s /nonexistent "$1"']) {
    for (const name of ['.boot.nft.new', 'boot.nft']) {
      rmSync(join(folder, name), { force: true })
      execFileSync('sh', ['-c', lay, target, join(folder, name)])
    }
    await file.write(['a', 'ä'.repeat(100_000), 'z'])
    assert.equal(readFileSync(join(folder, 'boot.nft'), 'utf8'), `a${'ä'.repeat(100_000)}z`)
    const { uid, mode } = lstatSync(join(folder, 'boot.nft'))
    assert.deepEqual([uid, mode & 0o777], [NOBODY, 0o640])
    assert.deepEqual(readdirSync(folder), ['boot.nft'])
  }
  assert.equal(readFileSync(target, 'utf8'), 'as it was')
  chmodSync(folder, 0o777)
  await assert.rejects(file.write(['b']), /others than its owner may write to/)
  assert.equal(readFileSync(join(folder, 'boot.nft'), 'utf8').length, 100_002)
  chmodSync(folder, 0o750)
  file.remove()
  assert.deepEqual(readdirSync(folder), [])
})

test('a pipe where a file of the history should be: a sentence, and no waiting for ever', t => {
  for (const name of ['history.db', 'history.db-wal', 'history.db-shm', 'history.db-journal']) {
    const folder = mkdtempSync(join(tmpdir(), 'owner-'))
    t.after(() => rmSync(folder, { recursive: true }))
    openHistoryFile(join(folder, 'history.db'))[Symbol.dispose]()
    rmSync(join(folder, name), { force: true })
    execFileSync('mkfifo', [join(folder, name)])
    for (const readOnly of [true, false])
      assert.throws(() => openHistoryFile(join(folder, 'history.db'), { readOnly }), {
        exit: 69,
        message: `${join(folder, name)} is something else, and no file of its own.`,
      })
  }
})

const ROOT = 'Uid:\t0\t0\t0\t0\n' + 'Gid:\t0\t0\t0\t0\n'

/** What this thread may do with files. */
function credentials(): string {
  return readFileSync('/proc/thread-self/status', 'utf8')
    .match(/^(Uid|Gid):.*\n/gm)!
    .join('')
}
