/**
 * Puts the program into one file, dist/main.js, and that of each thread into another: a start then reads one file and not 300, and without the parts of the
 * libraries that nobody calls. What is exported to others stays in files of its own.
 */
import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

/** What src/system/disk.ts and src/system/reading.ts start is found beside the program. */
const PROGRAMS = {
  'dist/main.js': 'src/main.ts',
  'dist/history-thread.js': 'src/system/history-thread.ts',
  'dist/reading-thread.js': 'src/system/reading-thread.ts',
  'dist/in-clone.js': 'src/system/in-clone.ts',
}

for (const [outfile, entry] of Object.entries(PROGRAMS)) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile,
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

  // V8 keeps the text, with two bytes a character as soon as one is not ASCII. esbuild leaves those in comments and regular expressions.
  const ascii = outputFiles[0]!.text.replaceAll(
    /[^\0-\x7f]/g,
    it => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  writeFileSync(outfile, ascii)
}
