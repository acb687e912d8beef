/** Many flies at once: their memory, a restart beside `nft -f` of the same elements, and what the verbs take with them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from '../../test/support/daemon.ts'
import type { Running } from '../../test/support/process.ts'
import { watchSet } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { installed } from '../support/packaged.ts'
import { CLOSED_PORT, makeStage, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'
import { quiet, resident } from '../support/usage.ts'
import { verbs } from './verbs.ts'

/** So many a second come: each is locked out and recorded meanwhile. */
const PACE = 25_000
const FLYPAPER = { table: 'filter', set: 'flypaper' }
const SETTINGS = `capture = "log"\nsizes.hold = 1048576\nlockout.first = "7d"\n`

export async function flies({ runs, scale }: Effort): Promise<Figure[]> {
  return await fliesOf(Math.round(100_000 * scale), runs)
}

/** Once, however many runs were asked for: it takes minutes. */
export async function million({ scale }: Effort): Promise<Figure[]> {
  return await fliesOf(Math.round(1_000_000 * scale), 1)
}

async function fliesOf(wanted: number, runs: number): Promise<Figure[]> {
  await using stage = await makeStage()
  using flypaperd = installed(stage, 'log', SETTINGS)
  let daemon = await flypaperd.start()
  await quiet(daemon.pid)
  const empty = resident(daemon.pid)
  const watching = watchSet(stage, FLYPAPER, { enough: wanted, quietMs: 5_000 })
  await stage.send({ sources: wanted, rate: PACE, ports: CLOSED_PORT })
  const { elements } = await watching
  await quiet(daemon.pid)
  const afterFlood = resident(daemon.pid)

  await using other = await makeStage()
  const file = join(flypaperd.directory, 'elements.nft')
  writeFileSync(file, byHand(elements))
  const restarts = await inTurns(runs, {
    async afterBoot() {
      await daemon.stop('SIGKILL')
      await stage.gate.must(['nft', 'flush', 'ruleset'], { timeout: 60_000 })
      const restart = await restarted(stage, flypaperd, elements)
      daemon = restart.daemon
      return restart.seconds
    },
    async afterKill() {
      await daemon.stop('SIGKILL')
      const restart = await restarted(stage, flypaperd, elements)
      daemon = restart.daemon
      return restart.seconds
    },
    async nft() {
      await other.gate.must(['nft', 'flush', 'ruleset'], { timeout: 60_000 })
      const began = performance.now()
      await other.gate.must(['nft', '-f', file], { timeout: 120_000 })
      return (performance.now() - began) / 1_000
    },
  })
  await quiet(daemon.pid)
  const perFly = (bytes: number) => Math.max(0, bytes - empty) / elements
  const name = (what: string) => `${what}, ${elements.toLocaleString('en')} flies`
  const nft = [{ name: 'nft -f', runs: restarts.nft }]
  const figures: Figure[] = [
    { what: name('daemon memory a fly, after they came'), unit: 'B', runs: [perFly(afterFlood)] },
    {
      what: name('daemon memory a fly, after a restart'),
      unit: 'B',
      runs: [perFly(resident(daemon.pid))],
      // Of a million: with fewer, what V8 keeps anyway is divided by too little.
      ...(wanted >= 1_000_000 ? { wanted: { bound: 'at most', value: 200 } as const } : {}),
    },
    {
      what: name('restart to armed, all in the set, after a boot'),
      unit: 's',
      runs: restarts.afterBoot,
      beside: nft,
      wanted: { bound: 'at most', value: 1.5, timesOf: 'nft -f' },
    },
    {
      what: name('the same after a crash, the set still full'),
      unit: 's',
      runs: restarts.afterKill,
      beside: nft,
    },
    ...(await verbs(stage, flypaperd, { flies: elements, runs })),
  ]
  await daemon.stop('SIGTERM', 60_000)
  return figures
}

/** Seconds until the daemon has said that the trap is armed, and all flies are in the set. */
async function restarted(
  stage: Stage,
  flypaperd: Installation,
  flies: number,
): Promise<{ daemon: Running; seconds: number }> {
  const began = Number(process.hrtime.bigint())
  const daemon = await flypaperd.launch('start')
  const watching = watchSet(stage, FLYPAPER, { enough: flies, quietMs: 60_000 })
  await daemon.says(/trap armed/, 180_000)
  const armed = Number(process.hrtime.bigint())
  const { elements, at } = await watching
  if (elements >= 0 && elements < flies) throw new Error(`${elements} of ${flies} flies came back`)
  return { daemon, seconds: (Math.max(at, armed) - began) / 1e9 }
}

/** The same elements, as one would write them by hand. */
function byHand(flies: number): string {
  const elements = Array.from({ length: flies }, (_, i) => `${address(i)} timeout 7d`)
  return `table inet by_hand {
    set flies { type ipv4_addr; size 1048576; flags timeout; elements = { ${elements.join(', ')} } }
    chain early { type filter hook prerouting priority -450; ip saddr @flies drop; }
  }`
}

/** The source number i of c/generator.c. */
export function address(i: number): string {
  return `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
}
