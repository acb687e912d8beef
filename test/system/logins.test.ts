/** Who logged in from where, in files as util-linux writes them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LOGINS_MAX, lastLogins } from '../../src/system/logins.ts'

const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-logins-'))
after(() => rmSync(directory, { recursive: true }))
const NOW = Date.UTC(2026, 10, 24, 10)
let files = 0

/** A wtmp of these, in seconds before now; 7 is a login of a user, 8 its end. */
function wtmp(entries: readonly (readonly [type: number, address: string, ago: number])[]): string {
  const lines = entries.map(([type, address, ago]) => {
    const at = new Date(NOW - ago * 1000).toISOString().replace('Z', ',000000+00:00').replace(/\.\d+/, '')
    return `[${type}] [04711] [ts/0] [anna    ] [pts/0       ] [host                ] [${address.padEnd(15)}] [${at}]\n`
  })
  const file = join(directory, `wtmp-${files++}`)
  writeFileSync(
    file,
    execFileSync('utmpdump', ['-r'], { input: lines.join(''), stdio: ['pipe', 'pipe', 'ignore'] }),
  )
  return file
}

test('addresses of the latest logins, each once; not what ended, nor the console, nor what is long ago', () => {
  const file = wtmp([
    [7, '198.51.100.7', 40 * 86_400],
    [7, '192.0.2.7', 3600],
    [7, '2001:db8:1:2::5', 60],
    [8, '192.0.2.8', 50],
    [7, '0.0.0.0', 50],
    [7, '192.0.2.7', 10],
  ])
  assert.deepEqual(lastLogins(NOW, [file]), { addresses: ['192.0.2.7', '2001:db8:1:2::5'] })
  assert.deepEqual(lastLogins(NOW, [join(directory, 'none'), file]), {
    addresses: ['192.0.2.7', '2001:db8:1:2::5'],
  })
})

test('no more than so many, and a file that is no such one is none', () => {
  const many = wtmp(Array.from({ length: 200 }, (_, i) => [7, `192.0.2.${i}`, i] as const))
  const found = lastLogins(NOW, [many])
  assert.ok('addresses' in found)
  assert.equal(found.addresses.length, LOGINS_MAX)
  assert.ok(found.addresses.includes('192.0.2.1' as never))
  const broken = join(directory, 'broken')
  writeFileSync(broken, 'x'.repeat(1000))
  assert.deepEqual(lastLogins(NOW, [broken]), { addresses: [] })
})

test('none that can be read: why', () => {
  const found = lastLogins(NOW, [join(directory, 'none'), join(directory, 'nor this')])
  assert.ok('unreadable' in found)
  assert.match(found.because, /\/none: there is no such file/)
})
