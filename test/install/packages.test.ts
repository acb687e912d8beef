/** The two packages, each installed alone in an empty folder and imported: by this Node, and by the oldest that it names. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildPackage } from '../../scripts/build-packages.ts'
import { must, run } from '../support/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-packages-'))
after(() => rmSync(folder, { recursive: true, force: true }))
/** Downloads what is missing in npm's cache. */
const timeout = 110_000
const npm = (...args: string[]) =>
  must(['npm', ...args, '--no-audit', '--no-fund', '--loglevel=error'], { timeout })

/** What each is asked in a network namespace of its own, and what it must not be asked to compile. */
const USES = {
  nfnetlink: {
    program: `
import { listTables, openLog } from 'nfnetlink'
const log = openLog({ groups: [5], onBatch() {}, onError(error) { throw error } })
console.log(listTables().length, log.counts().packets)
log[Symbol.dispose]()
`,
    says: '0 0\n',
    wrong: `openLog({ groups: 'all' })\n`,
  },
  'nftables-json': {
    program: `
import { openNftables } from 'nftables-json'
const nftables = openNftables()
nftables.load('table inet t { set s { type ipv4_addr; }\\n }')
await nftables.runAsync([{ add: { element: { family: 'inet', table: 't', name: 's', elem: ['192.0.2.1'] } } }])
console.log(nftables.listElements('inet', 't', 's').length)
nftables[Symbol.dispose]()
`,
    says: '1\n',
    wrong: `openNftables().run('flush ruleset')\n`,
  },
} as const

const TSC = [
  ...[
    'node_modules/.bin/tsc',
    '--ignoreConfig',
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
  ],
  ...['--types', 'node', '--lib', 'es2023,esnext.disposable'],
  ...['--typeRoots', `${process.cwd()}/node_modules/@types`],
]

for (const [name, { program, says, wrong }] of Object.entries(USES)) {
  const { engines, dependencies } = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8')) as {
    engines: { node: string }
    dependencies: Record<string, string>
  }
  const project = join(folder, name)

  test(`${name}: alone in an empty folder`, async () => {
    const packed = await npm(
      'pack',
      '--json',
      '--pack-destination',
      folder,
      buildPackage(name, join(folder, 'built')),
    )
    const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('['))) as [{ filename: string }]
    await npm('install', '--prefix', project, join(folder, filename))
    const installed = readdirSync(join(project, 'node_modules')).filter(it => !/^[.@]/.test(it))
    assert.deepEqual(installed.sort(), [name, ...Object.keys(dependencies)].sort())
    writeFileSync(join(project, 'use.mjs'), program)
    assert.equal(await must(['unshare', '--net', process.execPath, join(project, 'use.mjs')]), says)
  })

  test(`${name}: its types`, async () => {
    writeFileSync(join(project, 'use.mts'), program)
    const { stdout, code } = await run([...TSC, join(project, 'use.mts')])
    assert.equal(code, 0, stdout)
    writeFileSync(join(project, 'use.mts'), `${program}${wrong}`)
    const control = await run([...TSC, join(project, 'use.mts')])
    assert.match(control.stdout, /TS2322|TS2345/, 'the control: the types are looked at')
  })

  test(`${name}: the oldest Node that it names`, async () => {
    const oldest = `${engines.node.replace('>=', '')}.0`
    const old = join(folder, `node-${oldest}`)
    await npm('install', '--prefix', old, `node@${oldest}`)
    const node = join(old, 'node_modules/node/bin/node')
    assert.equal(await must([node, '--version']), `v${oldest}\n`)
    assert.equal(await must(['unshare', '--net', node, join(project, 'use.mjs')]), says)
  })

  test(`${name}: npm publish would take it`, async () => {
    const said = await run(['npm', 'publish', '--dry-run', join(folder, 'built', name)], { timeout })
    assert.match(said.stdout, new RegExp(`^\\+ ${name}@`, 'm'), said.stderr)
  })
}

test('flypaperd: npm publish would take it', async () => {
  const built = buildPackage('flypaperd', join(folder, 'built'))
  const said = await run(['npm', 'publish', '--dry-run', built], { timeout })
  assert.match(said.stdout, /^\+ flypaperd@/m, said.stderr)
})
