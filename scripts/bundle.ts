/**
 * Puts the program into one file, dist/main.js, and that of each thread into another: a start then reads one file and not 300, and without the parts of the
 * libraries that nobody calls.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

/** What src/system/disk.ts and src/system/reading.ts start is found beside the program. */
export const PROGRAMS: readonly string[] = [
  'src/main.ts',
  'src/system/history-thread.ts',
  'src/system/reading-thread.ts',
  'src/system/in-clone.ts',
]

/** Each of these sources, with all that it imports, becomes a file of its name in that folder. */
export async function bundle(sources: readonly string[], folder: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [...sources],
    entryNames: '[name]',
    outdir: folder,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // It finds its addon beside itself.
    external: ['koffi'],
    // Commander is a CommonJS module.
    banner: {
      js: `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`,
    },
    legalComments: 'eof',
    logLevel: 'warning',
  })

  mkdirSync(folder, { recursive: true })
  for (const { path, text } of outputFiles) writeFileSync(path, inAscii(text))
}

/** V8 keeps the text, with two bytes a character as soon as one is not ASCII. esbuild leaves those in comments and regular expressions. */
function inAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, it => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

if (import.meta.main) await bundle(PROGRAMS, 'dist')
