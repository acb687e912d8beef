/** A copy of the checkout as it is, committed or not: to be broken on purpose, or to be read while others edit. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const COPIED = ['src', 'test', 'scripts', 'rulesets', 'package.json', 'tsconfig.json']

export interface Copy extends Disposable {
  readonly directory: string
}

/** What tests need of the checkout, in a folder of its own that goes with `using`; it shares node_modules. */
export function copyCheckout(): Copy {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-copy-'))
  for (const name of COPIED) cpSync(name, join(directory, name), { recursive: true })
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) }
}
