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
    await quiet(armed.process!.pid)
    const { sending, ...drops } = await inTurns(runs * TURNS, {
      sending: () => nanoseconds(byHand, flies, 'none'),
      'by hand': () => nanoseconds(byHand, flies, 'tcp'),
      flypaperd: () => nanoseconds(ours, flies, 'tcp'),
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
      wanted: { bound: 'at most', value: 1.05, timesOf: 'by hand' },
    })
    figures.push({
      what: `a fly's packet, of ${flies}: with the sending`,
      unit: 'ns',
      runs: drops.flypaperd,
      beside: [{ name: 'by hand', runs: drops['by hand'] }],
    })
  }
  return figures
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
