/** What Node makes of the sources of a checkout is kept for the next start, which takes half as long then. */
import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

const MODULES = join(import.meta.dirname, '../../node_modules')

/**
 * Kept where whoever runs it has put all that is run here: root neither runs what another user has left there, nor leaves
 * him files that he cannot delete.
 */
export function keepCompiled(): void {
  const owner = statSync(MODULES, { throwIfNoEntry: false })?.uid
  if (owner === process.getuid?.()) enableCompileCache(join(MODULES, '.cache/flypaperd'))
}
