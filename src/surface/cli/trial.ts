/** `flypaperd try`: a trap that goes again by itself, so that nobody locks himself out of a distant machine. */
import type { Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import { inPieces } from '../../lockout/pieces.ts'
import type { Fly } from '../../terms/fly.ts'

export interface Trial extends Disposable {
  readonly until: number | undefined
  confirm(by: string): void
}

/** Without seconds it is no trial. Disposing of it ends the clock. */
export function startTrial(seconds: number | undefined, world: World, trap: Trap, giveUp: () => void): Trial {
  if (seconds === undefined) return { until: undefined, confirm() {}, [Symbol.dispose]() {} }
  const { log, now } = world
  const before = new Set(names(trap))
  const timer = setTimeout(() => {
    log.warn('nobody has confirmed the trial: disarming, and freeing whom it locked out')
    const caught = names(trap).filter(fly => !before.has(fly))
    inPieces(caught, piece => void trap.freeThese(piece, 'the end of the trial'))
      .catch(error => log.error(`cannot free whom the trial locked out: ${String(error)}`))
      .finally(giveUp)
  }, seconds * 1000)
  log.info(`this is a trial for ${seconds} s: keep the trap with \`flypaperd confirm\``)
  let until: number | undefined = now() + seconds * 1000
  return {
    get until() {
      return until
    },
    confirm(by) {
      clearTimeout(timer)
      if (until !== undefined) log.info(`the trial is confirmed (by ${by}): the trap stays armed`)
      until = undefined
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

function names({ flies }: Trap): Fly[] {
  return [...flies].map(([fly]) => fly)
}
