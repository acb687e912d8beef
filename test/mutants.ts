/**
 * `npm run test:mutants`: breaks the code on purpose, in a copy, and runs the tests that must notice. A mutant
 * that no test notices is a hole in the tests. The last line is `N passed, N failed`; passed is a mutant that was caught.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

interface Mutant {
  readonly what: string
  readonly file: string
  readonly change: readonly [from: string | RegExp, to: string]
  /** The tests that are expected to turn red, the quickest first; one that does is enough. */
  readonly tests: readonly string[]
}

const MUTANTS: readonly Mutant[] = [
  {
    what: 'the hold rule is gone',
    file: 'src/arm/ruleset/judge.ts',
    change: [/'add @flypaper_hold \{ ip saddr \}',/, ''],
    tests: ['test/kernel/burst.test.ts'],
  },
  {
    what: 'nothing is handed over to the daemon',
    file: 'src/arm/ruleset/judge.ts',
    change: [/because\('Tell the daemon.', handOver\),/, ''],
    tests: ['test/kernel/first-lockout.test.ts'],
  },
  {
    what: 'the never-list is not asked before the judge',
    file: 'src/arm/ruleset/entrances.ts',
    change: [/'ip saddr @flypaper_never return',/, ''],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'the never-list is not asked for those who are in a set',
    file: 'src/arm/ruleset/reflex.ts',
    change: [/'ip saddr @flypaper_never return',/, ''],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'the judge always lets go',
    file: 'src/judge/judge.ts',
    change: ['return offence(evidence)', "return letGo('weak-evidence')"],
    tests: ['test/judge/judge.test.ts', 'test/kernel/first-lockout.test.ts'],
  },
  {
    what: 'the database is not written',
    file: 'src/lockout/flypaper.ts',
    change: ['memory.add(lockouts)', 'void memory'],
    tests: ['test/lockout/flypaper.test.ts', 'test/kernel/first-lockout.test.ts'],
  },
]

/** The copy shares node_modules; it has the sources as they are, committed or not. */
function copyOfCheckout(): string {
  const copy = mkdtempSync(join(tmpdir(), 'flypaperd-mutant-'))
  for (const name of ['src', 'test', 'rulesets', 'package.json', 'tsconfig.json'])
    cpSync(name, join(copy, name), { recursive: true })
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

/** Whether this test passes in a copy with this change, or in an unchanged one. */
function isGreen(test: string, mutant?: Mutant): boolean {
  const copy = copyOfCheckout()
  try {
    if (mutant !== undefined) breakIn(copy, mutant)
    const run = { cwd: copy, stdio: 'ignore', timeout: 300_000 } as const
    return spawnSync(process.execPath, ['test/run.ts', test], run).status === 0
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function breakIn(copy: string, { what, file, change }: Mutant): void {
  const path = join(copy, file)
  const text = readFileSync(path, 'utf8')
  const broken = text.replace(...(change as [string, string]))
  if (broken === text) throw new Error(`${what}: there is nothing in ${file} to break any more`)
  writeFileSync(path, broken)
}

function isCaught(mutant: Mutant): boolean {
  const red = mutant.tests.find(test => !isGreen(test, mutant))
  console.log(
    red === undefined
      ? `✖ ${mutant.what}: ${mutant.tests.join(', ')} stayed green`
      : `✔ ${mutant.what}: ${red} turned red`,
  )
  return red !== undefined
}

process.chdir(new URL('..', import.meta.url).pathname)
// A test that is red anyway would catch every mutant.
const sick = [...new Set(MUTANTS.flatMap(({ tests }) => tests))].filter(test => !isGreen(test))
if (sick.length > 0) throw new Error(`red without any mutant: ${sick.join(', ')}`)
const caught = MUTANTS.filter(isCaught).length
console.log(`${caught} passed, ${MUTANTS.length - caught} failed`)
process.exitCode = caught === MUTANTS.length ? 0 : 1
