/**
 * What a fly's packet costs: the drop in flypaperd's ruleset beside the same drop in the smallest ruleset written by hand.
 * Nanoseconds of the sender's time, in which the receiving side's kernel works; what the sending itself takes is
 * measured by frames that no protocol takes, and subtracted.
 */
import { flypaperd } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import type { Capture } from '../support/packaged.ts'
import { CLOSED_PORT, makeStage, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'
import { quiet } from '../support/usage.ts'

const FLIES = [1, 1_000, 100_000]
const PACKETS = 200_000
/** They are short, and the noise of a shared machine is many times what is measured: so many turns for each run. */
const TURNS = 5
const CAPTURE: Capture = 'log'

const BARE = 'lockout.while_trying = false\n'
/** What each option costs beside the others off: of one fly, whose packets differ by nothing else. */
const OPTIONS = {
  'with three public ports': `public = ["tcp/80", "tcp/443", "udp/443"]\n${BARE}`,
  'with history.samples_per_second = 10': `history.samples_per_second = 10\n${BARE}`,
}

const SMALLEST = `table inet by_hand {
  set flies { type ipv4_addr; size 1048576; flags timeout; }
  chain early {
    type filter hook prerouting priority -450
    ip saddr @flies drop
  }
}`

export async function fly({ runs }: Effort): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const flies of FLIES) {
    await using byHand = await makeStage()
    await byHand.gate.nft(SMALLEST)
    await fill(byHand, 'by_hand', 'flies', flies)
    await using ours = await makeStage()
    await using armed = await flypaperd(ours, CAPTURE)
    await fill(ours, armed.table, armed.set, flies)
    await using bare = await makeStage()
    await using uncounted = await flypaperd(bare, CAPTURE, BARE)
    await fill(bare, uncounted.table, uncounted.set, flies)
    for (const { process } of [armed, uncounted]) await quiet(process!.pid)
    const { sending, ...drops } = await inTurns(runs * TURNS, {
      sending: () => nanoseconds(byHand, flies, 'none'),
      'by hand': () => nanoseconds(byHand, flies, 'tcp'),
      flypaperd: () => nanoseconds(ours, flies, 'tcp'),
      uncounted: () => nanoseconds(bare, flies, 'tcp'),
    })
    const above = (times: readonly number[]) => times.map((time, i) => time - sending[i]!)
    figures.push({
      what: `a fly's packet, of ${flies}: the drop alone`,
      unit: 'ns',
      runs: above(drops.flypaperd),
      beside: [
        { name: 'by hand', runs: above(drops['by hand']) },
        { name: 'sending', runs: sending },
      ],
    })
    figures.push({
      what: `a fly's packet, of ${flies}: the drop alone, while_trying = false`,
      unit: 'ns',
      runs: above(drops.uncounted),
      beside: [{ name: 'by hand', runs: above(drops['by hand']) }],
      wanted: { bound: 'at most', value: 1.05, timesOf: 'by hand' },
    })
    figures.push({
      what: `a fly's packet, of ${flies}: with the sending`,
      unit: 'ns',
      runs: drops.flypaperd,
      beside: [{ name: 'by hand', runs: drops['by hand'] }],
    })
  }
  return [...figures, ...(await options(runs))]
}

async function options(runs: number): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack()
  const open = async (toml: string) => {
    const stage = opened.use(await makeStage())
    const { table, set, process } = opened.use(await flypaperd(stage, CAPTURE, toml))
    await fill(stage, table, set, 1)
    await quiet(process!.pid)
    return stage
  }
  const stages = { 'all off': await open(BARE) } as Record<string, Stage>
  for (const [name, toml] of Object.entries(OPTIONS)) stages[name] = await open(toml)
  const kinds = ['none', 'tcp', 'udp']
  const attempts = Object.entries(stages).flatMap(([name, stage]) =>
    kinds.map(kind => [`${name}, ${kind}`, () => nanoseconds(stage, 1, kind)] as const),
  )
  const times = await inTurns(runs * TURNS, Object.fromEntries(attempts))
  const drop = (name: string, kind: string) =>
    times[`${name}, ${kind}`]!.map((time, i) => time - times['all off, none']![i]!)
  return Object.keys(OPTIONS).flatMap(name =>
    ['tcp', 'udp'].map(kind => ({
      what: `a fly's ${kind === 'tcp' ? 'SYN' : 'datagram'}: the drop alone, ${name}`,
      unit: 'ns',
      runs: drop(name, kind),
      beside: [{ name: 'all off', runs: drop('all off', kind) }],
    })),
  )
}

async function nanoseconds(stage: Stage, sources: number, proto: string): Promise<number> {
  const rounds = Math.ceil(PACKETS / sources)
  return (await stage.send({ sources, rounds, proto, ports: CLOSED_PORT, chunk: 256, cpu: 1 })).chunk_ns
}

/** Puts as many flies as sources will send into the set. */
async function fill({ gate }: Stage, table: string, set: string, flies: number): Promise<void> {
  const elements = Array.from({ length: flies }, (_, i) => `${address(i)} timeout 1h`)
  await gate.nft(`add element inet ${table} ${set} { ${elements.join(', ')} }`)
}

/** The source number i of c/generator.c. */
export function address(i: number): string {
  return `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
}
