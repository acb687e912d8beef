/** What a long never-list costs: the start, memory, and a lockout. */
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manyPrefixes } from '../../test/support/never-list.ts'
import { flypaperd } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { floodOnce } from '../support/flood.ts'
import type { Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'
import { anonymous, quiet } from '../support/usage.ts'

const PREFIXES = 100_000
const WRITTEN = 20_000
const FLOOD = { sources: 20_000, rate: 5_000 }

export async function never({ runs, scale }: Effort): Promise<Figure[]> {
  const flood = { ...FLOOD, sources: FLOOD.sources * scale }
  async function once(toml: string) {
    let began = 0
    let started = 0
    let megabytes = 0
    const arm = async (stage: Stage) => {
      began = performance.now()
      const armed = await flypaperd(stage, 'log', toml)
      started = performance.now() - began
      await quiet(armed.process!.pid)
      megabytes = anonymous(armed.process!.pid) / 1e6
      return armed
    }
    const { cpu } = await floodOnce(flood, arm)
    return { started, megabytes, micros: cpu * 1000 }
  }
  const file = join(tmpdir(), `flypaperd-bench-never-${process.pid}.txt`)
  writeFileSync(file, `${manyPrefixes(PREFIXES).join('\n')}\n`)
  const outcomes = await inTurns(runs, {
    none: () => once(''),
    written: () => once(`never = ${JSON.stringify(manyPrefixes(WRITTEN))}\n`),
    files: () => once(`never_files = ["${file}"]\n`),
  })
  rmSync(file)
  const figure = (what: string, unit: string, key: 'started' | 'megabytes' | 'micros'): Figure => ({
    what,
    unit,
    runs: outcomes.files.map(run => run[key]),
    beside: [
      { name: 'without', runs: outcomes.none.map(run => run[key]) },
      { name: `${WRITTEN} in the settings`, runs: outcomes.written.map(run => run[key]) },
    ],
  })
  return [
    figure('start to armed', 'ms', 'started'),
    figure('anonymous memory', 'MB', 'megabytes'),
    figure('CPU of a lockout', 'µs', 'micros'),
  ]
}
