/** The C programs of the bench, compiled when they are asked for. */
import { mkdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { must } from '../../test/support/process.ts'

const SOURCES = new URL('../c/', import.meta.url)
const BUILT = new URL('../../.cache/bench/', import.meta.url)

export type Program = 'client' | 'generator' | 'reference' | 'server' | 'set-size'

/** The path of the program, newer than its source. */
export async function compiled(name: Program): Promise<string> {
  const source = fileURLToPath(new URL(`${name}.c`, SOURCES))
  const program = fileURLToPath(new URL(name, BUILT))
  const sources = [source, fileURLToPath(new URL('netlink.h', SOURCES))]
  if (sources.every(file => changed(file) <= changed(program))) return program
  mkdirSync(BUILT, { recursive: true })
  await must(['gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source])
  return program
}

function changed(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
