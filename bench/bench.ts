/**
 * `npm run bench [-- NAME… --quick --large --json --markdown FILE]`: measures flypaperd beside what it is compared
 * with, in namespaces that it makes and removes, and prints a table. Nothing is asserted: these are figures of
 * this machine and this hour, to be read as ratios.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { asRoot } from '../test/support/root.ts'
import { MEASUREMENTS } from './measurements.ts'
import type { Effort, Figure } from './support/figure.ts'
import { build } from './support/packaged.ts'
import { machine } from './support/stage.ts'
import { replaced, tableOf } from './support/table.ts'

interface Section {
  readonly title: string
  readonly figures: readonly Figure[]
}

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  large: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  runs: { type: 'string' },
  markdown: { type: 'string' },
} as const

function argumentsGiven() {
  try {
    const given = parseArgs({ allowPositionals: true, options: OPTIONS })
    const unknown = given.positionals.find(name => !(name in MEASUREMENTS))
    if (unknown !== undefined)
      throw new Error(`There is no measurement "${unknown}", but ${Object.keys(MEASUREMENTS).join(', ')}`)
    if (!/^[1-9]\d*$/.test(given.values.runs ?? '1'))
      throw new Error(`--runs is a whole number from 1 on, not "${given.values.runs}"`)
    return given
  } catch (error) {
    console.error((error as Error).message)
    process.exit(64)
  }
}

const { values, positionals } = argumentsGiven()
asRoot()
process.chdir(new URL('..', import.meta.url).pathname)
const effort: Effort = {
  runs: Number(values.runs ?? (values.quick ? 1 : 5)),
  scale: values.quick ? 0.1 : 1,
}
const usual = Object.keys(MEASUREMENTS).filter(name => values.large || !MEASUREMENTS[name]!.large)
const names = positionals.length > 0 ? positionals : usual
const several = `${effort.runs} runs: median, and half their range`
const sections: Section[] = []
await build()
for (const name of names) {
  const { title, measure } = MEASUREMENTS[name]!
  try {
    console.error(`Measuring ${name}: ${title} …`)
    const section = { title, figures: await measure(effort) }
    sections.push(section)
    await tell(name, section)
  } catch (error) {
    // The other measurements are worth having all the same.
    console.error(`${name} could not be measured: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
if (values.json) console.log(JSON.stringify({ machine: await machine(), effort, sections }, null, 2))

async function tell(name: string, { title, figures }: Section): Promise<void> {
  const runs = MEASUREMENTS[name]!.once || effort.runs === 1 ? 'one run' : several
  const said = `${new Date().toISOString().slice(0, 10)}, ${await machine()}, ${runs}.`
  const table = tableOf(figures)
  if (!values.json) console.log(`### ${title}\n\n${table}\n\n${said}\n`)
  if (values.markdown === undefined) return
  const document = readFileSync(values.markdown, 'utf8')
  writeFileSync(values.markdown, replaced(document, name, `${said}\n\n${table}\n`))
}
