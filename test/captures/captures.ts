/**
 * `npm run test:captures [-- WORD…]`: plays captures of others, thousands of hosts of every protocol, through `flypaperd replay` (root).
 * Nobody in them may be locked out but for the artefacts that expected.ts names, with the reason each, and whoever scans must be. They are
 * in Debian's source packages, fetched into node_modules/.cache and never committed. With words: only files whose names have one of them.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { scriptOf } from '../../src/replay/script.ts'
import type { ReplayAnswer } from '../../src/surface/cli/answers.ts'
import { makePrograms } from '../support/made-programs.ts'
import { ARTEFACTS, PACKAGES, type Package, SCANS } from './expected.ts'

process.chdir(new URL('../..', import.meta.url).pathname)
const CACHE = resolve('node_modules/.cache/captures')
/** Each waits most of the time. */
const AT_ONCE = 2

interface Playing {
  readonly name: string
  readonly path: string
  readonly as?: string
}

const counts = { files: 0, unplayable: 0, oneSided: 0, played: 0, in: 0, out: 0, hosts: 0, flies: 0 }
const complaints: string[] = []

function fetched({ name, archive, sha256, folder }: Package): Playing[] {
  const place = join(CACHE, name)
  const file = join(CACHE, archive.split('/').at(-1)!)
  if (!existsSync(place)) {
    mkdirSync(CACHE, { recursive: true })
    console.log(`fetching ${archive}`)
    execFileSync('curl', ['-fsSL', '--retry', '3', '-o', file, archive])
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex')
    if (sum !== sha256) throw new Error(`${file} is not the archive that it was: ${sum}`)
    const unpacking = `${place}.new`
    rmSync(unpacking, { recursive: true, force: true })
    mkdirSync(unpacking)
    execFileSync('tar', [
      ...['-xzf', file, '-C', unpacking, '--strip-components=1', '--no-same-owner'],
      ...['--wildcards', `*/${folder}/*cap*`],
    ])
    execFileSync('mv', [unpacking, place])
    rmSync(file)
  }
  const root = join(place, folder)
  return globSync('**/*.{pcap,pcapng,cap}', { cwd: root })
    .sort()
    .map(path => ({ name: `${name}/${path}`, path: join(root, path) }))
}

/** Whether anybody in it could stick, and whether both sides are in it. */
function isWorthIt({ path, as }: Playing): boolean {
  counts.files += 1
  const script = scriptOf(readFileSync(path), as === undefined ? [] : [as])
  if ('unplayable' in script) counts.unplayable += 1
  // Without the host's own packets each of its ports is closed.
  else if (script.packets.out === 0) counts.oneSided += 1
  else return true
  return false
}

async function play(program: string, { name, path, as }: Playing): Promise<readonly string[]> {
  const args = [
    program,
    'replay',
    '--json',
    '--settings',
    '/dev/null',
    ...(as === undefined ? [] : ['--as', as]),
    path,
  ]
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>(done =>
    execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) =>
      done({ stdout, stderr }),
    ),
  )
  const [file] = stdout === '' ? [] : (JSON.parse(stdout) as ReplayAnswer).files
  if (file === undefined || 'refused' in file) {
    complaints.push(`${name} was not played: ${file?.refused ?? stderr.trim()}`)
    return []
  }
  counts.played += 1
  counts.in += file.packets.in
  counts.out += file.packets.out
  counts.hosts += file.hosts
  counts.flies += file.lockedOut.length
  return file.lockedOut.map(({ source }) => source)
}

/** What is locked out must be what is expected: neither more nor less. */
function compare(name: string, found: readonly string[]): void {
  const { sources = [], why = '' } = ARTEFACTS[name] ?? {}
  for (const one of found.filter(source => !sources.includes(source)))
    complaints.push(`${name}: ${one} is locked out, and did nothing`)
  for (const one of sources.filter(source => !found.includes(source)))
    complaints.push(`${name}: ${one} is no artefact any more (${why})`)
}

const words = process.argv.slice(2)
const isWanted = ({ name }: Playing) => words.length === 0 || words.some(word => name.includes(word))
const all = PACKAGES.flatMap(fetched)
const scans = SCANS.map(({ file, as, source }) => {
  const { path } = all.find(({ name }) => name === file)!
  return { name: file, path, as, source }
})
using programs = await makePrograms()
const program = join(programs.folder, 'main.js')
const queue = [...all.filter(isWanted).filter(isWorthIt).values(), ...scans.filter(isWanted)]
console.log(`${queue.length} captures to play`)
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      const found = await play(program, one)
      if (!('source' in one)) compare(one.name, found)
      else if (!found.includes(one.source as string))
        complaints.push(`${one.name}: ${one.source} scans, and is not locked out`)
    }
  }),
)
for (const one of complaints) console.log(`✖ ${one}`)
console.log(JSON.stringify(counts))
console.log(`${counts.played} played, ${complaints.length} failed`)
process.exitCode = complaints.length > 0 || counts.played === 0 ? 1 : 0
