/**
 * `npm run test:rulesets [-- FOLDER]`: the rulesets of nftables' own test suite (Debian's source package, of the version of libnftables that is here, fetched into
 * node_modules/.cache and never committed), each listed, read by our schemas, made anew from that in a fresh network namespace, and listed again. What is not equal
 * must be in unequal-VERSION.json, with the reason, and nothing else; `UPDATE=1` writes it. FOLDER: sources that are unpacked already. As root.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Played } from './play.ts'

const CACHE = resolve('node_modules/.cache/nftables-rulesets')
const AT_ONCE = 2
/** Of Debian 12 and 13, with the archives' SHA-256 as their .dsc say. */
const [, version = ''] = /v([\d.]+)/.exec(execFileSync('nft', ['--version'], { encoding: 'utf8' })) ?? []

/** By apt from the mirror of this machine, whose signatures it checks. */
function fetched(): string {
  const folder = join(CACHE, version)
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  const { suite, mirror, keyring } = mirrorOf()
  execFileSync('sh', [join(import.meta.dirname, 'fetch.sh'), CACHE, version, suite, mirror, keyring], {
    stdio: 'inherit',
  })
  return folder
}

function mirrorOf(): { suite: string; mirror: string; keyring: string } {
  const [, suite = ''] = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
  const listed = globSync('/etc/apt/{sources.list,sources.list.d/*}')
    .map(file => readFileSync(file, 'utf8'))
    .join('\n')
  const [mirror = 'http://deb.debian.org/debian'] = /https?:\/\/\S+\/debian\b/.exec(listed) ?? []
  return { suite, mirror, keyring: '/usr/share/keyrings/debian-archive-keyring.gpg' }
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
