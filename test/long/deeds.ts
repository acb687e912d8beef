/** What is done to the trap of the long test while somebody scans. */
import { setTimeout as sleep } from 'node:timers/promises'
import { offences, readDaemon } from '../support/books.ts'
import type { Installation } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import type { Host } from '../support/world.ts'
import type { Change } from './ledger.ts'
import { random, SMALL } from './scans.ts'

export const SETTINGS = `capture = "log"
[promotion]
per_second = 20
burst = ${SMALL.burst}
[sizes]
flypaper = ${SMALL.flypaper}
hold = ${SMALL.hold}
`
const RELOADED = `never = ["203.0.113.0/24"]\n${SETTINGS.replace('20\n', '40\n')}`

interface Place {
  readonly gate: Host
  readonly flypaperd: Installation
  /** Some source that has been here. */
  readonly source: () => string
}

export interface Deeds {
  /** The one that runs now. */
  daemon(): Running
  /** The daemon stays the same. */
  readonly steady: Readonly<Record<string, () => Promise<unknown>>>
  /** Another daemon takes its place. */
  readonly changes: Readonly<Record<string, () => Promise<Change>>>
}

export function openDeeds({ gate, flypaperd, source }: Place, first: Running): Deeds {
  let daemon = first
  let isReloaded = false

  async function change(verb: 'start' | 'restart'): Promise<Change> {
    const last = await readDaemon(flypaperd)
    if (verb === 'start') {
      process.kill(last.pid, 'SIGKILL')
      await daemon.ended
      await sleep(random(500))
    }
    daemon = await flypaperd.start(verb)
    return { last, handedOver: await offences(gate) }
  }

  return {
    daemon: () => daemon,
    steady: {
      nothing: async () => {},
      free: () => flypaperd.run('free', source()),
      flush: () => flypaperd.must('flush'),
      'flush by nft': () => gate.must(['nft', 'flush', 'set', 'inet', 'filter', 'flypaper']),
      'table deleted': async () => {
        await gate.must(['nft', 'delete', 'table', 'inet', 'filter'])
        await daemon.says(/armed again/)
      },
      async reload() {
        isReloaded = !isReloaded
        flypaperd.settings(isReloaded ? RELOADED : SETTINGS)
        await flypaperd.must('reload')
      },
    },
    changes: { kill: () => change('start'), restart: () => change('restart') },
  }
}

/** Each once in a random order, then any. */
export function* inTurn(names: readonly string[]): Generator<string, never> {
  const left = [...names]
  while (left.length > 0) yield left.splice(random(left.length), 1)[0]!
  for (;;) yield names[random(names.length)]!
}
