/** The npm package: installed as a command, and met by a Node that is too old. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { publint } from 'publint'
import { PROGRAMS } from '../../scripts/bundle.ts'
import { must, run } from '../support/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-npm-'))
after(() => rmSync(folder, { recursive: true }))
/** Downloads what is missing in npm's cache. */
const timeout = 110_000
const npm = (...args: string[]) =>
  must(['npm', ...args, '--no-audit', '--no-fund', '--loglevel=error'], { timeout })

const packed = await npm('pack', '--json', '--pack-destination', folder)
const { filename, files } = JSON.parse(packed.slice(packed.indexOf('[')))[0] as {
  filename: string
  files: { path: string }[]
}
const tarball = join(folder, filename)
const program = join(folder, 'bin/flypaperd')

/** Runs the installed command with the Node in that folder. */
const runWith = (node: string, ...args: string[]) =>
  run([program, ...args], { env: { PATH: `${node}:/usr/bin:/bin:/usr/sbin` } })

test('what is in it: the program, in files that each are whole', () => {
  const paths = files.map(({ path }) => path)
  for (const path of [
    'bin/flypaperd.cjs',
    'dist/main.js',
    'dist/in-clone.js',
    'packaging/systemd/flypaperd.service',
    'docs/install.md',
  ])
    assert.ok(paths.includes(path), path)
  assert.deepEqual(
    paths.filter(path => /^dist\/(?!page\/)/.test(path)).sort(),
    PROGRAMS.map(source => `dist/${basename(source, '.ts')}.js`).sort(),
  )
  assert.deepEqual(
    paths.filter(path => path.startsWith('dist/page/')).sort(),
    ['cockpit.html', 'icon.svg', 'index.html', 'manifest.json', 'page.css', 'page.js'].map(
      file => `dist/page/${file}`,
    ),
  )
  assert.deepEqual(
    paths.filter(path => /^(src|packages|test|node_modules)\//.test(path)),
    [],
  )
})

test('publint has nothing to say', async () => {
  const { messages } = await publint({
    pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer },
    strict: true,
  })
  assert.deepEqual(messages, [])
})

test('npm install -g: the command works', async () => {
  await npm('install', '--global', '--prefix', folder, tarball)
  const { stdout, stderr, code } = await runWith(dirname(process.execPath), 'generate', '--capture', 'log')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /chain flypaper_judge/)
})

for (const version of ['18', '20']) {
  test(`Node ${version}: one clear sentence`, async () => {
    const old = join(folder, `node-${version}`)
    await npm('install', '--prefix', old, `node@${version}`)
    const node = join(old, 'node_modules/node/bin')
    const { stdout, stderr, code } = await runWith(node, 'status')
    assert.deepEqual([stdout, code], ['', 69])
    assert.match(
      stderr,
      new RegExp(`^flypaperd needs Node 24 or later; .*/node is Node ${version}\\.[\\d.]+\\.\n$`),
    )
  })
}
