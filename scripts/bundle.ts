/**
 * Puts the program into one file, dist/main.js: a start then reads one file and not 300, and without the parts of the
 * libraries that nobody calls. What is exported to others stays in files of its own.
 */
import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const { outputFiles } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
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
writeFileSync('dist/main.js', ascii)
