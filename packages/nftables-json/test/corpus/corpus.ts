/**
 * `npm run test:rulesets [-- FOLDER]`: the rulesets of nftables' own test suite (Debian's source package, fetched into node_modules/.cache and never committed), each
 * loaded, listed, read by our schemas, made anew from that in a fresh network namespace, and listed again. What is not equal must be in unequal-VERSION.json, by the
 * version of libnftables that is here, with the reason, and nothing else; `UPDATE=1` writes it. FOLDER: the sources, where they are unpacked already. As root.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import type { Played } from './play.ts'

const CACHE = resolve('node_modules/.cache/nftables-rulesets')
const AT_ONCE = 2
const [, version = ''] = /v([\d.]+)/.exec(execFileSync('nft', ['--version'], { encoding: 'utf8' })) ?? []
/** Debian's upstream archive, and what its .dsc says of it. The same one for every libnftables: what the later ones do not take is counted. */
const ARCHIVE = 'https://deb.debian.org/debian/pool/main/n/nftables/nftables_1.0.6.orig.tar.xz'
const SHA256 = '2407430ddd82987670e48dc2fda9e280baa8307abec04ab18d609df3db005e4c'

function fetched(): string {
  const place = join(CACHE, '1.0.6')
  if (existsSync(place)) return place
  mkdirSync(CACHE, { recursive: true })
  const file = join(CACHE, basename(ARCHIVE))
  console.log(`fetching ${ARCHIVE}`)
  execFileSync('curl', ['-fsSL', '--retry', '3', '-o', file, ARCHIVE])
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex')
  if (sum !== SHA256) throw new Error(`${file} is not the archive that it was: ${sum}`)
  const unpacking = `${place}.new`
  rmSync(unpacking, { recursive: true, force: true })
  mkdirSync(unpacking)
  execFileSync('tar', ['-xJf', file, '-C', unpacking, '--strip-components=1', '--no-same-owner'])
  renameSync(unpacking, place)
  rmSync(file)
  return place
}

/** In a process and a namespace of its own: libnftables may end the process. */
async function play(name: string, file: string): Promise<Played> {
  const command = ['--net', process.execPath, join(import.meta.dirname, 'play.ts'), name, file]
  return new Promise(done =>
    execFile('unshare', command, { timeout: 120_000, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error === null) return done(JSON.parse(stdout) as Played)
      const [because = `${error.signal ?? error.code}`] =
        error.signal === null ? (stderr.match(/^\w*Error: .*$/m) ?? []) : []
      done({
        rules: 0,
        others: 0,
        refused: 0,
        unequal: { [`${name}: all of it`]: `ends the process: ${because}` },
      })
    }),
  )
}

const [given] = process.argv.slice(2)
const folder = given ?? fetched()
const files = globSync('tests/{py/*/*.t,shell/testcases/**/*.nft}', { cwd: folder }).sort()
if (files.length === 0) throw new Error(`${folder} has no test suite of nftables`)
const total = { files: files.length, rules: 0, others: 0, refused: 0 }
const unequal: Record<string, string> = {}
async function playNext(): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const played = await play(relative('tests', file), join(folder, file))
    for (const name of ['rules', 'others', 'refused'] as const) total[name] += played[name]
    Object.assign(unequal, played.unequal)
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, playNext))

const record = join(import.meta.dirname, `unequal-${version}.json`)
const sorted = Object.fromEntries(Object.entries(unequal).sort(([one], [other]) => (one < other ? -1 : 1)))
if (process.env.UPDATE) writeFileSync(record, `${JSON.stringify(sorted, null, 2)}\n`)
const expected = JSON.parse(readFileSync(record, 'utf8')) as Record<string, string>
const complaints = [
  ...Object.entries(sorted)
    .filter(([name, because]) => expected[name] !== because)
    .map(([name, because]) => `new: ${name}: ${because}`),
  ...Object.keys(expected)
    .filter(name => !(name in sorted))
    .map(name => `equal now: ${name}`),
]
for (const complaint of complaints) console.log(complaint)
console.log(
  `libnftables ${version}: ${total.files} files, ${total.rules} rules and ${total.others} other objects; ${total.refused} that this kernel or nft refuses`,
)
console.log(`${Object.keys(sorted).length} not equal, ${complaints.length} of them unexpected`)
process.exitCode = complaints.length === 0 && total.rules > 0 ? 0 : 1
