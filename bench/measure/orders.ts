/** Orders to free while the hold sets are full and a flood goes on: how long each takes, and how long somebody else waits meanwhile. */
import { join } from 'node:path'
import { type Client, reachDaemon } from '../../src/surface/control/client.ts'
import { lockedOut } from '../../test/support/daemon.ts'
import { whileOthersAsk } from '../../test/support/while-others-ask.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { installed } from '../support/packaged.ts'
import { CLOSED_PORT, makeStage, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'

/** Of each family; what a set holds by default, less what the flies take. */
const HELD = 60_000
const FLIES = 5_000
const FLOOD = { rate: 10_000, seconds: 15, first: '10.128.0.0' }
const SETTINGS = 'capture = "log"\nhold = "10m"\n'

type Request = Omit<Parameters<Client['free']>[0], 'by'>
const ORDERS = {
  'free of one host': { who: ['60.0.0.5'] },
  'free of a /24': { who: ['60.0.1.0/24'] },
  'free of an IPv6 /56': { who: ['2001:db8:7:100::/56'] },
  'free of a /17, half of the set': { who: ['60.0.0.0/17'] },
  [`free of ${FLIES.toLocaleString('en')} by --port`]: { who: ['10.0.0.0/9'], port: CLOSED_PORT },
} satisfies Record<string, Request>
type Order = keyof typeof ORDERS

export async function orders({ runs, scale }: Effort): Promise<Figure[]> {
  const { orders } = await inTurns(runs, { orders: () => ordered(Math.round(HELD * scale)) })
  const each = Object.keys(ORDERS) as Order[]
  return each.flatMap(order => {
    const of = (what: string, key: 'took' | 'longest', value: number): Figure => ({
      what: `${order}${what}`,
      unit: 'ms',
      runs: orders.map(run => run[order]![key]),
      wanted: { bound: 'at most', value },
    })
    return [of('', 'took', 1_000), of(': the longest wait of others', 'longest', 100)]
  })
}

async function ordered(held: number): Promise<Record<Order, { took: number; longest: number }>> {
  await using stage = await makeStage()
  using flypaperd = installed(stage, 'log', SETTINGS)
  let daemon = await flypaperd.start()
  await stage.send({ sources: FLIES, rate: 5_000, ports: CLOSED_PORT })
  if ((await lockedOut(flypaperd, FLIES)) < FLIES) throw new Error('not all are locked out')
  // Where no daemon sees it: what somebody else puts into these sets would be taken out again.
  await daemon.stop('SIGUSR2')
  await fill(stage, 'flypaper_hold', held, n => `60.0.${n >> 8}.${n & 255}`)
  await fill(stage, 'flypaper_hold6', held, n => `2001:db8:7:${n.toString(16)}::`)
  daemon = await flypaperd.start()
  const control = (await reachDaemon(join(flypaperd.directory, 'control.sock')))!
  const { rate, seconds, first } = FLOOD
  const flood = stage.send({ first, sources: rate * seconds, rate, ports: CLOSED_PORT })
  const outcome = {} as Record<Order, { took: number; longest: number }>
  for (const [order, request] of Object.entries(ORDERS)) {
    const free = () => control.free({ ...request, by: 'bench' })
    const { answer, took, longest } = await whileOthersAsk(control, free)
    if (answer.count + answer.held.length === 0) throw new Error(`${order}: nobody was freed`)
    outcome[order as Order] = { took, longest }
  }
  await flood
  await daemon.stop()
  return outcome
}

async function fill({ gate }: Stage, set: string, count: number, name: (n: number) => string): Promise<void> {
  const elements = Array.from({ length: count }, (_, n) => `${name(n)} timeout 10m`)
  await gate.nft(`add element inet filter ${set} { ${elements.join(', ')} }`)
}
