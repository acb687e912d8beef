/** Orders while the hold sets are full and a flood goes on: how long each takes, and how long somebody else waits meanwhile. */
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
const by = 'bench'

/** Rejects where nobody is freed. */
function free(order: Request): (control: Client) => Promise<void> {
  return async control => {
    const { count, held } = await control.free({ ...order, by })
    if (count + held.length === 0) throw new Error(`${order.who}: nobody was freed`)
  }
}

const ORDERS: Readonly<Record<string, (control: Client) => Promise<unknown>>> = {
  'free of one host': free({ who: ['60.0.0.5'] }),
  'free of a /24': free({ who: ['60.0.1.0/24'] }),
  'free of an IPv6 /56': free({ who: ['2001:db8:7:100::/56'] }),
  'free of a /17, half of the set': free({ who: ['60.0.0.0/17'] }),
  [`free of ${FLIES.toLocaleString('en')} by --port`]: free({ who: ['10.0.0.0/9'], port: CLOSED_PORT }),
  'lock of 1,000 hosts': control =>
    control.lock({
      lockouts: Array.from({ length: 1000 }, (_, n) => ({ who: `61.0.${n >> 8}.${n & 255}` })),
      by,
    }),
  'pause and its end': async control => {
    await control.pause({ seconds: 60, by })
    await control.pause({ seconds: 0, by })
  },
  reload: control => control.reload(by),
  flush: control => control.flush(by),
}

export async function orders({ runs, scale }: Effort): Promise<Figure[]> {
  const { orders } = await inTurns(runs, { orders: () => ordered(Math.round(HELD * scale)) })
  const each = Object.keys(ORDERS)
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

async function ordered(held: number): Promise<Record<string, { took: number; longest: number }>> {
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
  const outcome = {} as Record<string, { took: number; longest: number }>
  for (const [order, give] of Object.entries(ORDERS)) {
    const { took, longest } = await whileOthersAsk(control, () => give(control))
    outcome[order] = { took, longest }
  }
  await flood
  await daemon.stop()
  return outcome
}

async function fill({ gate }: Stage, set: string, count: number, name: (n: number) => string): Promise<void> {
  const elements = Array.from({ length: count }, (_, n) => `${name(n)} timeout 10m`)
  await gate.nft(`add element inet filter ${set} { ${elements.join(', ')} }`)
}
