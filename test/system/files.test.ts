import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadSettings } from '../../src/settings/load.ts'
import { MOST_BYTES, readForeign, readText } from '../../src/system/files.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-files-'))
after(() => rmSync(folder, { recursive: true }))

function written(name: string, bytes: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return file
}

test('the text of a file, without a byte order mark', () => {
  assert.deepEqual(readText(written('plain', '\ufeffä\n')), { text: 'ä\n' })
})

test('a file of the greatest length is read, one byte more is refused', () => {
  assert.deepEqual(readText(written('full', 'x'.repeat(MOST_BYTES))), { text: 'x'.repeat(MOST_BYTES) })
  assert.deepEqual(readText(written('long', 'x'.repeat(MOST_BYTES + 1))), {
    unreadable: 'other',
    because: `more than ${MOST_BYTES} bytes`,
  })
})

const unreadable: [file: string, expected: ReturnType<typeof readText>][] = [
  ['/nonexistent', { unreadable: 'missing', because: 'there is no such file' }],
  ['/dev/null/below', { unreadable: 'missing', because: 'there is no such file' }],
  ['/', { unreadable: 'other', because: 'it is a directory' }],
  [`/${'a'.repeat(300)}`, { unreadable: 'other', because: 'name too long' }],
]

for (const [file, expected] of unreadable) {
  test(`says why ${file.slice(0, 20)} has no text`, () => assert.deepEqual(readText(file), expected))
}

test('bytes that are not UTF-8 are no text', () => {
  assert.deepEqual(readText(written('latin1', Buffer.from([0x66, 0xfc]))), {
    unreadable: 'other',
    because: 'it is not text in UTF-8',
  })
})

test('what others write is read in whatever encoding, also where it is long', () => {
  const long = Buffer.concat([Buffer.from([0x66, 0xfc, 0]), Buffer.alloc(3 * MOST_BYTES, 'x')])
  assert.deepEqual(readForeign(written('foreign', long)), { text: `f\u00fc\0${'x'.repeat(3 * MOST_BYTES)}` })
  assert.deepEqual(readForeign('/nonexistent'), readText('/nonexistent'))
})

test('a path with a NUL byte is refused, not thrown at', () => {
  assert.ok('unreadable' in readText('/tmp/a\0b'))
})

test('a file that may not be read is forbidden; as settings that is exit 77', () => {
  const file = written('secret', 'hold = "1s"')
  chmodSync(file, 0)
  chmodSync(folder, 0o755)
  asNobody(() => {
    assert.deepEqual(readText(file), { unreadable: 'forbidden', because: 'permission denied' })
    assert.throws(() => loadSettings(file, readText), {
      name: 'Failure',
      exit: 77,
      message: `cannot read the settings file ${file}: permission denied`,
    })
  })
})

/** root may read everything, so for a moment this process is somebody else. */
function asNobody(act: () => void): void {
  const me = process.geteuid!()
  if (me === 0) process.seteuid!(65534)
  try {
    act()
  } finally {
    process.seteuid!(me)
  }
}
