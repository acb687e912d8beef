/** Writes what the long test has found into its document, between two marks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { FATES, type Fates } from './books.ts'

const DOCUMENT = new URL('../../docs/long-test.md', import.meta.url)
const PLACE = /(<!-- result -->\n)[\s\S]*(<!-- end of the result -->)/

export interface LongResult {
  readonly seconds: number
  readonly rounds: number
  readonly deeds: Readonly<Record<string, number>>
  readonly offences: number
  readonly fates: Fates
  readonly missed: number
  readonly lost: number
  readonly lostAtMost: number
  /** Least and most. */
  readonly descriptors: readonly number[]
  /** Megabytes of the daemon of the last third: median of its first and of its second half. */
  readonly memory: readonly number[]
}

export function writeResult(result: LongResult): void {
  const text = readFileSync(DOCUMENT, 'utf8')
  writeFileSync(DOCUMENT, text.replace(PLACE, `$1${describe(result)}$2`))
}

function describe(result: LongResult): string {
  const day = new Date().toISOString().slice(0, 10)
  const minutes = (result.seconds / 60).toFixed(1)
  const deeds = Object.entries(result.deeds).map(([deed, count]) => `${deed} ${count}`)
  const rows = [
    ['**offences that the kernel handed over**', result.offences],
    ...FATES.map(fate => [fate, result.fates[fate]]),
    ['missed (overruns, told by the daemon)', result.missed],
    ['lost with a daemon that was killed or relieved', `${result.lost}, of at most ${result.lostAtMost}`],
    ['descriptors of the daemon', result.descriptors.join(' to ')],
    ['its memory in the last third', `${result.memory[0]} MB, then ${result.memory[1]} MB`],
  ]
  return [
    `${day}, ${minutes} minutes, ${result.rounds} rounds: ${deeds.join(', ')}.\n`,
    '| what | how many |',
    '|---|---|',
    ...rows.map(([what, count]) => `| ${what} | ${count} |`),
    '',
  ].join('\n')
}
