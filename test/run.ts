/**
 * Runs the tests: `node test/run.ts [SUITE | GLOB]…`, the suites unit, kernel and waiting unless told.
 *
 * Needs no root: an ordinary user runs them in a user namespace. The last line is `N passed, N failed, N skipped`;
 * the exit status is 0 only when something passed and nothing failed.
 */
import { accessSync, constants, globSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { changedFiles, testsOf } from './support/changed.ts'
import { LENGTH_MS } from './support/length.ts'
import { makePrograms } from './support/made-programs.ts'
import { PATIENCE } from './support/process.ts'
import { PROGRAMS_VARIABLE } from './support/programs.ts'
import { asRoot } from './support/root.ts'
import { type Counted, count, type Reported } from './support/tally.ts'

interface Suite {
  readonly name: string
  readonly files: readonly string[]
  /** Test files at the same time. */
  readonly concurrency: number
}

/** Of test/kernel: what floods, or measures tight gaps, and wants the processors for itself. */
const ALONE =
  /\/(burst|first-lockout|flood|hanging|large-sets|lasting|overload|readers|set-bound|spoof|unaccepted-flood)\.test\.ts$/
/** Of test/kernel: what tries everything of its kind, for minutes. In CI, beside the short ones of all kinds that `npm test` runs. */
const EXHAUSTIVE =
  /\/(listing|local-ports|own-things|prove-hosts|routes|silent|versions-in-every-mode)\.test\.ts$/
/** Of test/kernel, and exhaustive, too: a million flies leave nothing of the processors for others. */
const MILLION = /\/versions\.test\.ts$/
/** Of test/kernel: what another libnftables and another nft could do otherwise (`npm run test:debian13`). */
const OF_NFTABLES =
  /\/(administrator|arming|auto|doctor|dry-run|entrance-rules|flush-ruleset|listing|never-list|others|reflex-rules|set-bound|silent-rules|table-flags|verbs)\.test\.ts$/

/** What leaves nothing open that keeps its file running. */
const UNIT = /^(packages|test\/(?!kernel|vm|beside|install|long|web))/
/** What runs flypaperd as it is installed. */
const INSTALLED = /^test\/(install|vm\/systemd)\//

/** What a test file told. */
interface Told extends Record<Counted['as'], number> {
  /** Why what failed did. */
  readonly complaints: string[]
}

/** What touches neither kernel, disk nor clock: `npm run quick`. */
const PURE = /^test\/((arm|decode|doctor|judge|log|prove|replay|scripts|settings|terms)\/|[^/]*$)/

const TEST_TIMEOUT = 240_000 * PATIENCE + LENGTH_MS
/** How often a file may be run until it is green; once unless told. */
const TRIES = Number(process.env.FLYPAPERD_TRIES ?? 1)
/** Where more files are red than that, it is no chance. */
const AGAIN_MAX = 5
const SUITE_TIMEOUT = 30 * 60_000

function suitesOf(args: readonly string[]): Suite[] {
  const files = globSync(['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'], {
    exclude: ['test/vm/{inside,systemd}/**', 'test/{install,long,beside,web}/**'],
  }).sort()
  const kernel = files.filter(file => file.startsWith('test/kernel/'))
  const waiting = kernel.filter(file => ![ALONE, EXHAUSTIVE, MILLION].some(kind => kind.test(file)))
  const suites: Suite[] = [
    { name: 'unit', files: files.filter(file => !kernel.includes(file)), concurrency: 2 },
    { name: 'kernel', files: kernel.filter(file => ALONE.test(file)), concurrency: 1 },
    // Each has hosts and files of its own, and waits most of the time: four at once take hardly longer than one.
    { name: 'waiting', files: waiting, concurrency: 4 },
  ]
  if (args.length === 0) return suites
  const others: Suite[] = [
    { name: 'quick', files: files.filter(file => PURE.test(file)), concurrency: 2 },
    {
      name: 'changed',
      files: args.includes('changed') ? testsOf(changedFiles(), files) : [],
      concurrency: 2,
    },
    { name: 'exhaustive', files: kernel.filter(file => EXHAUSTIVE.test(file)), concurrency: 3 },
    { name: 'million', files: kernel.filter(file => MILLION.test(file)), concurrency: 1 },
    { name: 'debian13', files: kernel.filter(file => OF_NFTABLES.test(file)), concurrency: 3 },
    // In Debian's chromium.
    { name: 'web', files: globSync('test/web/*.test.ts').sort(), concurrency: 1 },
    { name: 'beside', files: globSync('test/beside/*.test.ts').sort(), concurrency: 3 },
  ]
  return args.map(
    arg =>
      [...suites, ...others].find(({ name }) => name === arg) ?? {
        name: arg,
        files: globSync(arg).sort(),
        concurrency: 1,
      },
  )
}

/** Runs the files; resolves to what each of them told. */
async function runFiles({ name, files, concurrency }: Suite): Promise<Map<string, Told>> {
  const began = performance.now()
  const told = new Map<string, Told>()
  function add(test: Reported): void {
    const counted = count(test, Boolean(process.env.CI))
    if (counted === undefined) return
    const file = relative('.', test.entryFile ?? test.file ?? '')
    const of = told.get(file) ?? { passed: 0, failed: 0, skipped: 0, complaints: [] }
    told.set(file, of)
    of[counted.as] += 1
    if (counted.because !== undefined) of.complaints.push(`${file}: ${test.name}\n${counted.because}`)
  }
  const tests = run({
    files,
    concurrency,
    timeout: TEST_TIMEOUT,
    signal: AbortSignal.timeout(SUITE_TIMEOUT),
    // A test that failed may have left a socket or a child behind that would keep its file running for ever. Where many are quick, the
    // last of them would go untold with that.
    execArgv: files.every(file => UNIT.test(file)) ? [] : ['--test-force-exit'],
  })
  tests.on('test:pass', ({ details, ...test }) => add({ ...test, type: details.type, passed: true }))
  tests.on('test:fail', ({ details, ...test }) =>
    add({ ...test, type: details.type, error: details.error, passed: false }),
  )
  for await (const text of tests.compose(new spec())) process.stdout.write(text)
  console.log(`${name}: ${((performance.now() - began) / 60_000).toFixed(1)} minutes\n`)
  return told
}

/** Those that failed, once more and one at a time, where a second try was asked for: of what is red twice nobody can say that others had the processors. */
async function runAgain(told: ReadonlyMap<string, Told>): Promise<Map<string, Told>> {
  const red = [...told].filter(([, { failed }]) => failed > 0)
  if (TRIES < 2 || red.length === 0 || red.length > AGAIN_MAX) return new Map()
  for (const [, { complaints }] of red) console.log(marked('first try | ', complaints))
  const again = new Map<string, Told>()
  for (const [file] of red)
    for (const [one, of] of await runFiles({ name: `second try of ${file}`, files: [file], concurrency: 1 }))
      again.set(one, of)
  return again
}

function marked(mark: string, complaints: readonly string[]): string {
  return complaints.map(text => text.replace(/^/gm, mark)).join('\n')
}

/** A guest finds those that were made before it was started. Whoever may not write here starts the sources. */
function needsPrograms(suites: readonly Suite[]): boolean {
  const isMade = process.env[PROGRAMS_VARIABLE] !== undefined
  return !isMade && isWritable('.') && suites.some(({ files }) => files.some(file => !INSTALLED.test(file)))
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

asRoot()
process.chdir(new URL('..', import.meta.url).pathname)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + osConstants.signals[signal]))
const suites = suitesOf(process.argv.slice(2))
using programs = needsPrograms(suites) ? await makePrograms() : undefined
if (programs !== undefined) process.env[PROGRAMS_VARIABLE] = programs.folder
const told = new Map<string, Told>()
for (const suite of suites)
  if (suite.files.length > 0) for (const [file, of] of await runFiles(suite)) told.set(file, of)
const again = await runAgain(told)
const all = [...new Map([...told, ...again]).values()]
const total = (as: Counted['as']) => all.reduce((sum, of) => sum + of[as], 0)
// `.ci/run` repeats these lines at its end.
console.log(
  marked(
    'why | ',
    all.flatMap(({ complaints }) => complaints),
  ),
)
if (again.size > 0) console.log(`run twice: ${[...again.keys()].join(', ')}`)
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`)
process.exitCode = total('passed') > 0 && total('failed') === 0 ? 0 : 1
