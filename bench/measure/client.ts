/** A legitimate client while 10,000 others a second knock at a closed port: does he get through, and how fast? */
import { type Armed, CAPTURES, flypaperd, kernelAlone } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { compiled } from '../support/programs.ts'
import { CLOSED_PORT, GATE, makeStage, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'

const FLOOD = 10_000
const SECONDS = 6
/** Connections a second of the client, for a second less than the flood lasts. */
const RATE = 200
const TCP_PORT = 80

interface Outcome {
  readonly success: number
  readonly p50: number
  readonly p99: number
}

export async function client({ runs }: Effort): Promise<Figure[]> {
  const { 'kernel alone': alone, ...ours } = await inTurns(runs, {
    'kernel alone': () => served(kernelAlone),
    queue: () => served(stage => flypaperd(stage, 'queue')),
    log: () => served(stage => flypaperd(stage, 'log')),
  })
  return CAPTURES.flatMap(capture => {
    const figure = (what: string, unit: string, key: keyof Outcome) => ({
      what: `${what}, by ${capture}`,
      unit,
      runs: ours[capture].map(it => it[key]),
      beside: [{ name: 'kernel alone', runs: alone.map(it => it[key]) }],
    })
    return [
      { ...figure('connections that succeed', '', 'success'), wanted: { bound: 'at least', value: 1 } },
      figure('a connection, median', 'µs', 'p50'),
      {
        ...figure('a connection, 99 of 100', 'µs', 'p99'),
        wanted: { bound: 'at most', value: 1.5, timesOf: 'kernel alone' },
      },
    ] satisfies Figure[]
  })
}

async function served(arm: (stage: Stage) => Promise<Armed>): Promise<Outcome> {
  await using stage = await makeStage()
  await using _ = await arm(stage)
  const server = await stage.gate.start([await compiled('server'), String(TCP_PORT), '53', '-1'])
  await server.says(/^ready$/)
  const flood = stage.send({ sources: FLOOD * SECONDS, rate: FLOOD, ports: CLOSED_PORT })
  const count = String(RATE * (SECONDS - 1))
  const command = [await compiled('client'), GATE, String(TCP_PORT), count, String(RATE), '-1']
  const { tried, failed, p50, p99 } = JSON.parse(await stage.scanner.must(command, { timeout: 120_000 }))
  await flood
  return { success: (tried - failed) / tried, p50, p99 }
}
