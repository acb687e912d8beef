/**
 * Puts the program into one file, dist/main.js, and that of each thread into another: a start then reads one file and not 300, and without the parts of the
 * libraries that nobody calls.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
    // koffi finds its addon beside itself; nodemailer is loaded by `flypaperd outside` alone, and shall be no part of the daemon.
    external: ['koffi', 'nodemailer'],
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

/** The page of `flypaperd web`: its program in one file, and beside it what is served as it is. */
export async function bundlePage(folder: string, source = 'page'): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [join(source, 'main.tsx')],
    outfile: join(folder, 'page.js'),
    tsconfig: join(source, 'tsconfig.json'),
    write: false,
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    legalComments: 'eof',
    logLevel: 'warning',
  })
  mkdirSync(folder, { recursive: true })
  for (const { path, text } of outputFiles) writeFileSync(path, text)
  for (const file of ['index.html', 'cockpit.html', 'manifest.json', 'page.css', 'icon.svg'])
    cpSync(join(source, file), join(folder, file))
}

/** V8 keeps the text, with two bytes a character as soon as one is not ASCII. esbuild leaves those in comments and regular expressions. */
function inAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, it => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

if (import.meta.main) {
  await bundle(PROGRAMS, 'dist')
  await bundlePage('dist/page')
}
