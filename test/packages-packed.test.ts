/** What is published of the two packages: what is in it, and that publint has nothing to say. test/install/packages.test.ts installs it. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { publint } from 'publint'
import { buildPackage } from '../scripts/build-packages.ts'
import { must, run } from './support/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-packed-'))
after(() => rmSync(folder, { recursive: true, force: true }))

for (const name of readdirSync('packages')) {
  test(`${name}: what is in it, and publint`, async () => {
    const built = buildPackage(name, folder)
    const packed = JSON.parse(
      await must(['npm', 'pack', '--json', '--offline', '--pack-destination', folder, built]),
    )[0] as { filename: string; files: { path: string }[] }
    const sources = readdirSync(`packages/${name}/src`).map(file => file.replace(/\.ts$/, ''))
    assert.deepEqual(
      packed.files.map(({ path }) => path).sort(),
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        ...sources.flatMap(source => [`dist/${source}.d.ts`, `dist/${source}.js`]),
        'package.json',
      ].sort(),
    )
    const tarball = new Uint8Array(readFileSync(join(folder, packed.filename))).buffer
    assert.deepEqual((await publint({ pack: { tarball }, strict: true })).messages, [])
  })

  test(`${name}: the folder of the sources is not published`, async () => {
    const said = await run(['npm', 'publish', '--dry-run', '--offline', '--workspace', name])
    assert.match(said.stderr, /marked as private/)
    assert.doesNotMatch(said.stdout, /^\+ /m)
  })
}
