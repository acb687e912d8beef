/**
 * Writes the documents that are made from the code; with --check it writes nothing and exits 1 when one differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { commandsReference } from './commands-reference.ts'
import { bashCompletion } from './completion.ts'
import { controlReference } from './control-reference.ts'
import { excusableReference } from './excusable-reference.ts'
import { commandPage, settingsPage } from './man-pages.ts'
import { openApiDocument } from './openapi.ts'
import { settingsReference } from './settings-reference.ts'

const documents: [path: string, text: string][] = [
  ['docs/settings.md', settingsReference()],
  ['docs/excusable.md', excusableReference()],
  ['docs/commands.md', commandsReference()],
  ['docs/control.md', controlReference()],
  ['docs/openapi.json', openApiDocument()],
  ['man/flypaperd.8', commandPage()],
  ['man/flypaperd.toml.5', settingsPage()],
  ['completions/flypaperd.bash', bashCompletion()],
]

const root = new URL('../', import.meta.url)
const check = process.argv.includes('--check')

for (const [path, text] of documents) {
  const file = new URL(path, root)
  if (read(file) === `${text}\n`) continue
  if (check) {
    console.error(`${path} is not what the code makes of it: run node scripts/generate-docs.ts`)
    process.exitCode = 1
  } else {
    mkdirSync(new URL('.', file), { recursive: true })
    writeFileSync(file, `${text}\n`)
    console.log(`wrote ${path}`)
  }
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
