/**
 * Puts the program into one file, dist/main.js: a start then reads one file and not 300, and without the parts of the
 * libraries that nobody calls. What is exported to others stays in files of its own.
 */
import { build } from 'esbuild'

await build({
  entryPoints: ['src/command.ts'],
  outfile: 'dist/main.js',
  allowOverwrite: true,
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
