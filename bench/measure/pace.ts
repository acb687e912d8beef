/** 1,000 sources at 1,000 a second, beside a program for each packet: what the daemon of 2006 did. */
import { flypaperd, reference } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { floodOnce, type Outcome } from '../support/flood.ts'
import { inTurns } from '../support/turns.ts'

const FLOOD = { sources: 1_000, rate: 1_000 }

export async function pace({ runs }: Effort): Promise<Figure[]> {
  const { flypaperd: ours, ...others } = await inTurns(runs, {
    flypaperd: () => floodOnce(FLOOD, stage => flypaperd(stage, 'queue')),
    'a program per packet': () => floodOnce(FLOOD, stage => reference(stage, 'queue', 'spawn')),
    C: () => floodOnce(FLOOD, stage => reference(stage, 'queue', 'batch')),
  })
  const figure = (what: string, unit: string, key: keyof Outcome): Figure => ({
    what,
    unit,
    runs: ours.map(outcome => outcome[key]),
    beside: Object.entries(others).map(([name, theirs]) => ({ name, runs: theirs.map(it => it[key]) })),
  })
  return [
    { ...figure('locked out', '', 'locked'), wanted: { bound: 'at least', value: FLOOD.sources } },
    figure('lockouts', '1/s', 'perSecond'),
    figure('CPU of 1,000 lockouts', 's', 'cpu'),
  ]
}
