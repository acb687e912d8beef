/** All that `npm run bench` can measure: one file each. */
import { flood } from './measure/flood.ts'
import { idle } from './measure/idle.ts'
import { pace } from './measure/pace.ts'
import type { Effort, Figure } from './support/figure.ts'

export interface Measurement {
  readonly title: string
  measure(effort: Effort): Promise<Figure[]>
}

export const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  flood: { title: 'A flood: 100,000 sources flat out', measure: flood },
  pace: { title: 'A steady stream: 1,000 sources at 1,000 a second', measure: pace },
  idle: { title: 'Idle, without flies', measure: idle },
}
