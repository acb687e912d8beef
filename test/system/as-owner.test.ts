import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { asOwnerOf } from '../../src/system/as-owner.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { Failure } from '../../src/terms/failure.ts'

const NOBODY = 65534
const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'

function canBecome(uid: number): boolean {
  try {
    process.seteuid!(uid)
    process.seteuid!(0)
    return process.getuid!() === 0
  } catch {
    return false
  }
}

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
  assert.equal(process.geteuid!(), 0)
})

test('a link that the daemon laid does not lead root anywhere', { skip }, t => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'owner-root-'))
  t.after(() => rmSync(elsewhere, { recursive: true }))
  const target = join(elsewhere, 'made')
  const file = join(folderOfNobody(t), 'history.db')
  symlinkSync(target, file)
  assert.throws(
    () => openHistoryFile(file),
    (error: unknown) => error instanceof Failure && error.exit === 77,
  )
  assert.ok(!existsSync(target))
  assert.equal(process.geteuid!(), 0, 'root again, after a failure too')
})

test('a folder of root, or none: nothing changes', { skip }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'owner-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const path of [folder, join(folder, 'none')])
    assert.equal(
      asOwnerOf(path, () => process.geteuid!()),
      0,
    )
})
