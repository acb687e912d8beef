/**
 * `npm run test:mutants [-- core | middle | rules]`: breaks the code on purpose, in a copy, and runs the tests that must notice. A mutant
 * that no test notices is a hole in the tests. The last line is `N passed, N failed`; passed is a mutant that was caught.
 */
import { spawnSync } from 'node:child_process'
import { CORE } from './mutants/core.ts'
import { MIDDLE } from './mutants/middle.ts'
import { ruleMutants } from './mutants/rules.ts'
import { breakIn, copyCheckout } from './support/copy.ts'

export interface Mutant {
  readonly what: string
  readonly file: string
  readonly change: readonly [from: string | RegExp, to: string]
  /** The tests that are expected to turn red, the quickest first; one that does is enough. */
  readonly tests: readonly string[]
}

const GROUPS: Readonly<Record<string, readonly Mutant[]>> = {
  core: CORE,
  middle: MIDDLE,
  rules: ruleMutants(),
}

/** Whether this test passes in a copy with this change, or in an unchanged one. */
function isGreen(test: string, mutant?: Mutant): boolean {
  using copy = copyCheckout()
  if (mutant !== undefined) breakIn(copy.directory, mutant)
  const env = { ...process.env, FLYPAPERD_TRIES: '1' } // What is red is what was wanted.
  const run = { cwd: copy.directory, env, stdio: 'ignore', timeout: 300_000 } as const
  return spawnSync(process.execPath, ['test/run.ts', test], run).status === 0
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
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(GROUPS)
const mutants = wanted.flatMap(group => GROUPS[group] ?? [])
// A test that is red anyway would catch every mutant.
const sick = [...new Set(mutants.flatMap(({ tests }) => tests))].filter(test => !isGreen(test))
if (sick.length > 0) throw new Error(`red without any mutant: ${sick.join(', ')}`)
const caught = mutants.filter(isCaught).length
console.log(`${caught} passed, ${mutants.length - caught} failed`)
process.exitCode = caught > 0 && caught === mutants.length ? 0 : 1
