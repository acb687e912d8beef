import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isReadable, linesOf } from '../../src/system/lines.ts'
import { userNameOf } from '../../src/system/users.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-lines-'))
after(() => rmSync(folder, { recursive: true }))

function written(name: string, bytes: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return file
}

test('every line of a long file, the last of which need not end', () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 50)}`)
  assert.deepEqual([...linesOf(written('long', lines.join('\n')))], lines)
  assert.deepEqual([...linesOf(written('ended', 'a\n\nb\n'))], ['a', '', 'b'])
})

test('a byte that is no UTF-8 hides no line', () => {
  const bytes = Buffer.from('# caf\xe9\nnameserver 192.0.2.53\n', 'latin1')
  assert.equal([...linesOf(written('latin1', bytes))][1], 'nameserver 192.0.2.53')
})

test('nothing of a file that cannot be read, and an end of one that has none', () => {
  for (const path of ['/nonexistent', '/']) assert.deepEqual([...linesOf(path)], [])
  assert.deepEqual([isReadable('/nonexistent'), isReadable('/proc/self/status')], [false, true])
  assert.ok([...linesOf('/dev/zero')].length <= 1)
})

test('a user far down in a long list has a name', () => {
  const users = Array.from(
    { length: 50_000 },
    (_, i) => `user${i}:x:${i}:${i}:Some Body:/home/user${i}:/bin/sh`,
  )
  const passwd = written('passwd', `${users.join('\n')}\njosé:x:70000:1::/:/bin/sh\n`)
  assert.equal(userNameOf(49_999, passwd), 'user49999')
  assert.equal(userNameOf(70_000, passwd), 'josé')
})
