/** `flypaperd try`: a trap that goes again by itself, so that nobody locks himself out of a distant machine. */

import type { Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import { type Fly, prefixOf } from '../../terms/fly.ts'

export interface Trial extends Disposable {
  readonly until: number | undefined
  confirm(): void
}

/** Without seconds it is no trial. Disposing of it ends the clock. */
export function startTrial(seconds: number | undefined, world: World, trap: Trap, giveUp: () => void): Trial {
  if (seconds === undefined) return { until: undefined, confirm() {}, [Symbol.dispose]() {} }
  const { log, now } = world
  const before = new Set(names(trap))
  const timer = setTimeout(() => {
    log.warn('nobody has confirmed the trial: disarming, and freeing whom it locked out')
    const caught = names(trap).filter(fly => !before.has(fly))
    trap.free(caught.map(prefixOf), 'the end of the trial')
    giveUp()
  }, seconds * 1000)
  log.info(`this is a trial for ${seconds} s: keep the trap with \`flypaperd confirm\``)
  let until: number | undefined = now() + seconds * 1000
  return {
    get until() {
      return until
    },
    confirm() {
      clearTimeout(timer)
      if (until !== undefined) log.info('the trial is confirmed: the trap stays armed')
      until = undefined
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

function names({ flies }: Trap): Fly[] {
  return [...flies].map(([fly]) => fly)
}
