/** The order of floors can fail: each forbidden import is planted, and each one that is allowed. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

const ROOT = new URL('..', import.meta.url).pathname
const CONFIG = '.dependency-cruiser.cjs'
const { FLOORS } = createRequire(import.meta.url)(join(ROOT, CONFIG)) as { FLOORS: readonly string[] }

const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-floors-'))
after(() => rmSync(directory, { recursive: true }))

interface Cruised {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[]
  }
}

/** The rules that each planted file breaks. */
async function cruise(files: Readonly<Record<string, string>>): Promise<Map<string, string[]>> {
  const planted = mkdtempSync(join(directory, 'plant-'))
  for (const name of [CONFIG, 'tsconfig.json', 'package.json'])
    copyFileSync(join(ROOT, name), join(planted, name))
  symlinkSync(join(ROOT, 'node_modules'), join(planted, 'node_modules'))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(planted, file, '..'), { recursive: true })
    writeFileSync(join(planted, file), text)
  }
  const command = [
    join(ROOT, 'node_modules/.bin/depcruise'),
    '--config',
    CONFIG,
    '--output-type',
    'json',
    'src',
    'packages',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, command, {
    cwd: planted,
    maxBuffer: 1 << 28,
  })
  const broken = new Map<string, string[]>()
  for (const { from, rule } of (JSON.parse(stdout) as Cruised).summary.violations)
    broken.set(from, [...(broken.get(from) ?? []), rule.name])
  return broken
}

const target = Object.fromEntries(
  [...[...FLOORS, 'system'].map(floor => `src/${floor}`), 'packages/nftables-json/src'].map(folder => [
    `${folder}/target.ts`,
    'export type Target = 1\n',
  ]),
)
const plant = (from: string, to: string) => [
  `src/${from}/imports-${to}.ts`,
  `import type { Target } from '../${to}/target.ts'\nexport type Mine = Target\n`,
]

test('every folder of src is a floor, or system', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual(folders.map(({ name }) => name).sort(), [...FLOORS, 'system'].sort())
})

test('a floor imports those before it, and none after it', async () => {
  const pairs = FLOORS.flatMap((upper, i) => FLOORS.slice(i + 1).map(lower => [upper, lower] as const))
  const broken = await cruise({
    ...target,
    ...Object.fromEntries(pairs.flatMap(([upper, lower]) => [plant(upper, lower), plant(lower, upper)])),
  })
  for (const [upper, lower] of pairs) {
    assert.ok(
      broken.get(`src/${upper}/imports-${lower}.ts`)?.includes(`${upper}-imports-only-floors-before-it`),
    )
    const floors =
      broken.get(`src/${lower}/imports-${upper}.ts`)?.filter(rule => rule.includes('floors')) ?? []
    assert.deepEqual(floors, [], `the control: ${lower} may import ${upper}`)
  }
})

test('the other sentences can fail, too', async () => {
  const imports = (what: string) => `import * as it from '${what}'\nexport default it\n`
  const broken = await cruise({
    ...target,
    ...Object.fromEntries(FLOORS.map(floor => plant(floor, 'system'))),
    ...Object.fromEntries([
      plant('system', 'daemon'),
      plant('system', 'surface'),
      plant('system', 'lockout'),
      plant('outside', 'daemon'),
      plant('outside', 'surface'),
    ]),
    'src/log/files.ts': imports('node:fs'),
    'src/system/letters.ts': imports('nodemailer'),
    'src/system/mail.ts': imports('nodemailer'),
    'src/judge/clock.ts': imports('node:perf_hooks'),
    'src/doctor/clock.ts': imports('node:perf_hooks'),
    'src/lockout/decide/change.ts': imports('../../arm/firewall.ts'),
    'src/arm/firewall.ts': 'export default 1\n',
    'src/doctor/imports-history.ts': plant('doctor', 'history')[1]!,
    'packages/nfnetlink/src/out.ts': imports('../../../src/terms/target.ts'),
    'packages/nftables-json/src/out.ts': imports('../../nfnetlink/src/out.ts'),
    'src/keep/one.ts': `import { other } from './other.ts'\nexport const one = other\n`,
    'src/keep/other.ts': `import { one } from './one.ts'\nexport const other = one\n`,
    'src/keep/nowhere.ts': imports('./not-there.ts'),
  })
  const expected: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      FLOORS.map(floor => [`src/${floor}/imports-system.ts`, 'system-implements-what-the-floors-need']),
    ),
    'src/system/imports-daemon.ts': 'system-knows-no-daemon',
    'src/system/imports-surface.ts': 'system-knows-no-daemon',
    'src/log/files.ts': 'only-system-touches-linux',
    'src/outside/imports-daemon.ts': 'outside-has-no-firewall',
    'src/system/letters.ts': 'nodemailer-is-for-one',
    'src/judge/clock.ts': 'deciding-is-pure',
    'src/lockout/decide/change.ts': 'deciding-changes-nothing',
    'src/doctor/clock.ts': 'deciding-is-pure',
    'src/doctor/imports-history.ts': 'the-doctor-changes-nothing',
    'packages/nfnetlink/src/out.ts': 'nfnetlink-is-a-library-of-its-own',
    'packages/nftables-json/src/out.ts': 'nftables-json-is-a-library-of-its-own',
    'src/keep/one.ts': 'no-circles',
    'src/keep/nowhere.ts': 'resolvable',
  }
  for (const [file, rule] of Object.entries(expected))
    assert.ok(broken.get(file)?.includes(rule), `${file} breaks ${rule}: ${broken.get(file)}`)
  assert.equal(
    broken.get('src/system/imports-lockout.ts'),
    undefined,
    'the control: a port may be implemented',
  )
  assert.equal(broken.get('src/outside/imports-surface.ts'), undefined, 'the control: it asks the daemon')
  assert.equal(broken.get('src/system/mail.ts'), undefined, 'the control: it sends mail')
})
