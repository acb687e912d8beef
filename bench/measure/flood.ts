/** 100,000 sources flat out, promotion limit off: all locked out and recorded, how fast, at what cost. */
import { CAPTURES, flypaperd, kernelAlone, reference } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { floodOnce, type Outcome } from '../support/flood.ts'
import type { Capture } from '../support/packaged.ts'
import { inTurns } from '../support/turns.ts'

const SOURCES = 100_000
/** Where we want to be, in lockouts a second: at this pace nothing may be lost either. */
const PACE = 60_000

export async function flood({ runs }: Effort): Promise<Figure[]> {
  const flatOut = { sources: SOURCES, rate: 0 }
  const figures: Figure[] = []
  for (const capture of CAPTURES) {
    const outcomes = await inTurns(runs, {
      flypaperd: () => floodOnce(flatOut, stage => flypaperd(stage, capture)),
      C: () => floodOnce(flatOut, stage => reference(stage, capture, 'batch')),
      'C, one by one': () => floodOnce(flatOut, stage => reference(stage, capture, 'single')),
      'kernel alone': () => floodOnce(flatOut, kernelAlone),
    })
    figures.push(...figuresOf(capture, outcomes))
    const paced = await inTurns(runs, {
      flypaperd: () => floodOnce({ sources: SOURCES, rate: PACE }, stage => flypaperd(stage, capture)),
    })
    figures.push({
      what: `recorded of ${SOURCES} that come at ${PACE}/s, by ${capture}`,
      unit: '',
      runs: paced.flypaperd.map(({ recorded }) => recorded),
      wanted: { bound: 'at least', value: SOURCES },
    })
  }
  return figures
}

function figuresOf(capture: Capture, outcomes: Record<string, Outcome[]>): Figure[] {
  const { flypaperd: ours = [], ...others } = outcomes
  const figure = (what: string, unit: string, key: keyof Outcome): Figure => ({
    what: `${what}, by ${capture}`,
    unit,
    runs: ours.map(outcome => outcome[key]),
    beside: Object.entries(others).map(([name, theirs]) => ({ name, runs: theirs.map(it => it[key]) })),
  })
  return [
    figure('packets sent', '1/s', 'sentPerSecond'),
    { ...figure('locked out', '', 'locked'), wanted: { bound: 'at least', value: SOURCES } },
    {
      ...figure('recorded with their reason', '', 'recorded'),
      beside: [],
      wanted: { bound: 'at least', value: SOURCES },
    },
    { ...figure('lockouts', '1/s', 'perSecond'), wanted: { bound: 'at least', value: PACE } },
    {
      ...figure('CPU of 1,000 lockouts', 's', 'cpu'),
      wanted: { bound: 'at most', value: 2.5, timesOf: 'C' },
    },
  ]
}
