/** All that `npm run bench` can measure: one file each. */
import { client } from './measure/client.ts'
import { endpoints } from './measure/endpoints.ts'
import { flies, million } from './measure/flies.ts'
import { flood } from './measure/flood.ts'
import { flood6 } from './measure/flood6.ts'
import { fly } from './measure/fly.ts'
import { idle } from './measure/idle.ts'
import { innocent } from './measure/innocent.ts'
import { leak } from './measure/leak.ts'
import { never } from './measure/never.ts'
import { orders } from './measure/orders.ts'
import { pace } from './measure/pace.ts'
import type { Effort, Figure } from './support/figure.ts'

export interface Measurement {
  readonly title: string
  /** Takes minutes: only when it is named, or with --large. */
  readonly large?: true
  /** Runs once, however many runs were asked for. */
  readonly once?: true
  measure(effort: Effort): Promise<Figure[]>
}

export const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  leak: { title: 'The leak: open ports that answer after the offence', once: true, measure: leak },
  flood: { title: 'A flood: 100,000 sources flat out', measure: flood },
  flood6: { title: 'The same flood by IPv6', measure: flood6 },
  pace: { title: 'A steady stream: 1,000 sources at 1,000 a second', measure: pace },
  client: { title: 'A legitimate client under a flood of 10,000 packets/s', measure: client },
  orders: { title: 'Orders in a flood, with full sets', measure: orders },
  flies: { title: 'A hundred thousand flies', measure: flies },
  million: {
    title: 'A million flies, and as many rows of history',
    large: true,
    once: true,
    measure: million,
  },
  endpoints: { title: 'The worst caller of each endpoint', once: true, measure: endpoints },
  never: { title: 'A hundred thousand prefixes that are never locked out', measure: never },
  fly: { title: "A fly's packet", measure: fly },
  innocent: { title: "An innocent's packet", measure: innocent },
  idle: { title: 'Idle, without flies', measure: idle },
}
