/**
 * Builds what is published to npm into build/npm: `flypaperd`, `nftables-json` and `nfnetlink`, each in a folder of its own from which
 * `npm publish` takes it. The folders of the sources are private, so that nobody publishes them by mistake: their `exports` lead to TypeScript.
 *
 *   node scripts/build-packages.ts [NAME…]      all three, unless told
 *
 * In a workflow of GitHub, whose provenance compares it, `repository` is that of the workflow.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** Of a package, beside what is compiled. */
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'LICENSE']

type Manifest = Record<string, unknown>

/** Makes one of them anew; returns its folder. */
export function buildPackage(name: string, into = join(ROOT, 'build/npm')): string {
  const folder = join(into, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const source = name === 'flypaperd' ? ROOT : join(ROOT, 'packages', name)
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest
  if (source === ROOT) unpackProgram(folder)
  else compile(source, folder)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
  return folder
}

/** What npm makes of the daemon's folder, which is what `npm install -g` gets by docs/install.md. */
function unpackProgram(folder: string): void {
  const archive = run('npm', 'pack', '--silent', '--pack-destination', folder).trim().split('\n').at(-1)!
  run('tar', '-x', '-f', join(folder, basename(archive)), '-C', folder, '--strip-components=1')
  rmSync(join(folder, basename(archive)))
}

function compile(source: string, folder: string): void {
  run('tsc', '-p', source, '--outDir', join(folder, 'dist'))
  for (const name of DOCUMENTS) cpSync(join(source, name), join(folder, name))
}

/** package.json as it is published: not private, without what only a checkout has, and led to what is compiled. */
function published(manifest: Manifest): Manifest {
  const { private: _, workspaces, scripts, devDependencies, allowScripts, exports, ...rest } = manifest
  const library: Manifest =
    exports === undefined
      ? {}
      : {
          exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
          files: ['dist', 'CHANGELOG.md'],
        }
  return {
    ...rest,
    ...library,
    ...repository(manifest.name === 'flypaperd' ? '.' : `packages/${manifest.name}`),
  }
}

function repository(directory: string): Manifest {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env
  if (!server || !name) return {}
  return { repository: { type: 'git', url: `git+${server}/${name}.git`, directory } }
}

function run(program: string, ...args: string[]): string {
  const env = { ...process.env, PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}` }
  return execFileSync(program, args, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

if (import.meta.main) {
  const names = process.argv.slice(2)
  for (const name of names.length > 0 ? names : ['flypaperd', ...readdirSync(join(ROOT, 'packages'))])
    console.log(buildPackage(name))
}
