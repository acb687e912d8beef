/** The flood of flood.ts by IPv6: each source another /64, which sticks as a whole. Beside the same by IPv4. */
import { type Armed, flypaperd, kernelAlone6 } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { floodOnce, type Outcome } from '../support/flood.ts'
import { GATE6, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'

const FLAT_OUT = { sources: 100_000, rate: 0 }

export async function flood6({ runs }: Effort): Promise<Figure[]> {
  const outcomes = await inTurns(runs, {
    flypaperd: () => floodOnce({ ...FLAT_OUT, to: GATE6 }, flypaperd6),
    'flypaperd, IPv4': () => floodOnce(FLAT_OUT, stage => flypaperd(stage, 'log')),
    'kernel alone': () => floodOnce({ ...FLAT_OUT, to: GATE6 }, kernelAlone6),
  })
  const figure = (what: string, unit: string, key: keyof Outcome): Figure => ({
    what: `${what}, IPv6 by log`,
    unit,
    runs: outcomes.flypaperd.map(outcome => outcome[key]),
    beside: (['flypaperd, IPv4', 'kernel alone'] as const).map(name => ({
      name,
      runs: outcomes[name].map(outcome => outcome[key]),
    })),
  })
  return [
    { ...figure('locked out', '', 'locked'), wanted: { bound: 'at least', value: FLAT_OUT.sources } },
    {
      ...figure('recorded with their reason', '', 'recorded'),
      beside: [],
      wanted: { bound: 'at least', value: FLAT_OUT.sources },
    },
    figure('lockouts', '1/s', 'perSecond'),
    figure('CPU of 1,000 lockouts', 's', 'cpu'),
  ]
}

async function flypaperd6(stage: Stage): Promise<Armed> {
  return { ...(await flypaperd(stage, 'log')), set: 'flypaper6' }
}
