/**
 * `npm run bench [-- NAME… --quick --large --json --markdown FILE]`: measures flypaperd beside what it is compared
 * with, in namespaces that it makes and removes, and prints a table. Nothing is asserted: these are figures of
 * this machine and this hour, to be read as ratios.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { asRoot } from '../test/support/root.ts'
import { MEASUREMENTS } from './measurements.ts'
import type { Effort } from './support/figure.ts'
import { machine } from './support/stage.ts'
import { replaced, type Section, tableOf } from './support/table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    runs: { type: 'string' },
    markdown: { type: 'string' },
  },
})

asRoot()
process.chdir(new URL('..', import.meta.url).pathname)
const unknown = positionals.find(name => !(name in MEASUREMENTS))
if (unknown !== undefined) {
  console.error(`There is no measurement ${unknown}: ${Object.keys(MEASUREMENTS).join(', ')}`)
  process.exit(64)
}
const effort: Effort = {
  runs: Number(values.runs ?? (values.quick ? 1 : 5)),
  scale: values.quick ? 0.1 : 1,
  large: values.large,
}
const names = positionals.length > 0 ? positionals : Object.keys(MEASUREMENTS)
const said = `${await machine()}; ${effort.runs} runs, median and half the range`
const sections: Section[] = []
for (const name of names) {
  const { title, measure } = MEASUREMENTS[name]!
  const section = { title, figures: await measure(effort) }
  sections.push(section)
  if (!values.json) console.log(tableOf(section))
}
if (values.json) console.log(JSON.stringify({ machine: said, effort, sections }, null, 2))
else console.log(said)
if (values.markdown !== undefined) {
  const text = [said, '', ...sections.map(tableOf)].join('\n')
  writeFileSync(values.markdown, replaced(readFileSync(values.markdown, 'utf8'), text))
}
