/** The npm package: installed as a command and as a library, and met by a Node that is too old. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { publint } from 'publint'
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

test('what is in it: the program, and types of the two libraries', () => {
  const paths = files.map(({ path }) => path)
  for (const path of [
    'bin/flypaperd.cjs',
    'dist/main.js',
    'dist/in-clone.js',
    'packaging/systemd/flypaperd.service',
    'docs/install.md',
  ])
    assert.ok(paths.includes(path), path)
  const types = new Set(paths.filter(path => path.endsWith('.d.ts')).map(dirname))
  assert.deepEqual([...types].sort(), ['dist/system/nfnetlink', 'dist/system/nftables-json'])
  assert.deepEqual(
    paths.filter(path => /^(src|test|node_modules)\//.test(path)),
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

test('the libraries: imported by name, with their types', async () => {
  const project = join(folder, 'project')
  await npm('install', '--prefix', project, tarball)
  writeFileSync(join(project, 'package.json'), '{"type": "module"}')
  writeFileSync(join(project, 'use.ts'), LIBRARY_USE)
  const options = [
    '--ignoreConfig',
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    'node',
  ]
  const types = ['--lib', 'es2024,esnext.disposable', '--typeRoots', `${process.cwd()}/node_modules/@types`]
  const { stdout, code } = await run(['node_modules/.bin/tsc', ...options, ...types, join(project, 'use.ts')])
  assert.equal(code, 0, stdout)
  assert.equal(await must([process.execPath, join(project, 'use.ts')]), 'function function\n')
  writeFileSync(join(project, 'use.ts'), `${LIBRARY_USE}openLog({ groups: 'all' })\n`)
  const wrong = await run(['node_modules/.bin/tsc', ...options, ...types, join(project, 'use.ts')])
  assert.match(wrong.stdout, /TS2322|TS2345/, 'the control: the types are looked at')
})

const LIBRARY_USE = `
import { openLog } from 'flypaperd/nfnetlink'
import { openNftables } from 'flypaperd/nftables-json'
console.log(typeof openLog, typeof openNftables)
`
