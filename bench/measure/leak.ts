/**
 * The leak: each source tries a closed port and then an open one, three times, in packets so and so far apart. How many of the
 * latter are answered? That the bench can see a leak is shown by a contestant without a hold, and by no trap at all.
 */
import { type Armed, CAPTURES, flypaperd, reference } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { CLOSED_PORT, GATE, makeStage, OPEN_PORT, type Stage } from '../support/stage.ts'

const GAPS_US = [0, 10, 100, 1_000]
const SOURCES = 10_000
const TRIES = 3

const COUNTER = `table ip count {
  counter answers { }
  chain arriving {
    type filter hook prerouting priority -300
    ip saddr ${GATE} tcp sport ${OPEN_PORT} tcp flags & (syn | ack) == syn | ack counter name answers
  }
}`

/** Once, however many runs were asked for: ten thousand sources are ten thousand runs. */
export async function leak({ scale }: Effort): Promise<Figure[]> {
  const sources = Math.round(SOURCES * scale)
  const figures: Figure[] = []
  for (const gap of GAPS_US) {
    const answered = async (arm: (stage: Stage) => Promise<Armed>) => [await answers(arm, sources, gap)]
    const beside = [
      { name: 'C without hold', runs: await answered(stage => reference(stage, 'queue', 'batch', false)) },
      { name: 'no trap', runs: await answered(async () => nobody) },
    ]
    for (const capture of CAPTURES) {
      figures.push({
        what: `answered of ${sources * TRIES} after the offence, ${gap} µs apart, by ${capture}`,
        unit: '',
        runs: await answered(stage => flypaperd(stage, capture)),
        beside,
        wanted: { bound: 'at most', value: 0 },
      })
    }
  }
  return figures
}

const nobody: Armed = { table: '', set: '', [Symbol.asyncDispose]: async () => {} }

async function answers(arm: (stage: Stage) => Promise<Armed>, sources: number, gap: number): Promise<number> {
  await using stage = await makeStage()
  await stage.scanner.nft(COUNTER)
  await using _ = await arm(stage)
  const ports = [CLOSED_PORT, ...Array(TRIES).fill(OPEN_PORT)].join(',')
  await stage.send({ sources, gap, ports })
  const listing = await stage.scanner.must(['nft', '-j', 'list', 'counters'])
  const { nftables } = JSON.parse(listing) as { nftables: { counter?: { packets: number } }[] }
  return nftables.find(({ counter }) => counter !== undefined)!.counter!.packets
}
