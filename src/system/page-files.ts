/** The files of the page, beside the program: scripts/bundle.ts makes them. */
import { readFileSync } from 'node:fs'
import { EXIT, Failure } from '../terms/failure.ts'

/** Beside the one file of the package, or, in a checkout, where `npm run build` puts it. */
const FOLDER = new URL(import.meta.url.endsWith('.ts') ? '../../dist/page/' : 'page/', import.meta.url)

/** Throws a Failure (69) where it is missing. `file` is a name of ours, and never what somebody asked for. */
export function pageFile(file: string): Uint8Array {
  try {
    return readFileSync(new URL(file, FOLDER))
  } catch (cause) {
    throw new Failure(`a file of the page is missing: ${file}`, {
      exit: EXIT.unavailable,
      hint: 'In a checkout: npm run build. Else install flypaperd again.',
      cause,
    })
  }
}
