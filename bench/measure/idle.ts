/** What it costs while nothing happens, and how long the start takes when there are no flies. */
import { setTimeout as sleep } from 'node:timers/promises'
import { flypaperd } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { makeStage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'
import { cpuSeconds, quiet, resident, sleeps } from '../support/usage.ts'

const SECONDS = 20

/** As the package runs, by NFLOG, which every kernel has. */
export async function idle({ runs, scale }: Effort): Promise<Figure[]> {
  const seconds = Math.max(5, SECONDS * scale)
  const { idle } = await inTurns(runs, {
    async idle() {
      await using stage = await makeStage()
      const began = performance.now()
      await using armed = await flypaperd(stage, 'log')
      const started = performance.now() - began
      const { pid } = armed.process!
      await quiet(pid)
      const [slept, used] = [sleeps(pid), cpuSeconds(pid)]
      await sleep(seconds * 1_000)
      return {
        started,
        megabytes: resident(pid) / 1e6,
        wakeUps: (sleeps(pid) - slept) / seconds,
        cpu: ((cpuSeconds(pid) - used) / seconds) * 1_000,
      }
    },
  })
  const figure = (what: string, unit: string, key: keyof (typeof idle)[number]) => ({
    what,
    unit,
    runs: idle.map(run => run[key]),
  })
  return [
    { ...figure('start to armed', 'ms', 'started'), wanted: { bound: 'at most', value: 300 } },
    { ...figure('resident', 'MB', 'megabytes'), wanted: { bound: 'at most', value: 64 } },
    figure('wake-ups, all threads', '1/s', 'wakeUps'),
    figure('CPU', 'ms/s', 'cpu'),
  ]
}
