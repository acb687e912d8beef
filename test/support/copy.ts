/** A copy of the checkout as it is, committed or not: to be broken on purpose, or to be read while others edit. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Mutant } from '../mutants.ts'

const COPIED = ['src', 'packages', 'test', 'scripts', 'page', 'rulesets', 'package.json', 'tsconfig.json']

export interface Copy extends Disposable {
  readonly directory: string
}

/** What tests need of the checkout, in a folder of its own that goes with `using`; it shares node_modules. */
export function copyCheckout(): Copy {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-copy-'))
  for (const name of COPIED) cpSync(name, join(directory, name), { recursive: true })
  linkModules(directory)
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) }
}

/** Those of the checkout, but for its own packages, which are the copy's. */
function linkModules(directory: string): void {
  const modules = join(directory, 'node_modules')
  mkdirSync(modules)
  const own = readdirSync('packages')
  for (const name of readdirSync('node_modules'))
    symlinkSync(
      own.includes(name) ? join('../packages', name) : resolve('node_modules', name),
      join(modules, name),
    )
}

/** Changes the source in a copy. Throws where there is nothing to change any more. */
export function breakIn(copy: string, { what, file, change }: Mutant): void {
  const path = join(copy, file)
  const text = readFileSync(path, 'utf8')
  const broken = text.replace(...(change as [string, string]))
  if (broken === text) throw new Error(`${what}: there is nothing in ${file} to break any more`)
  writeFileSync(path, broken)
}
