/** Caring for the history: what is done once a second and once a minute so that it lasts. */
import type { Log } from '../log/log.ts'
import type { Settings } from '../settings/settings.ts'
import { type Clock, catchUp, moveTimes, rememberTime } from './clock.ts'
import { sayHowItEnded } from './last-run.ts'
import type { DaemonHistory } from './tolerant.ts'

export interface Care extends Disposable {
  /** Milliseconds for which the machine was suspended while no daemon ran. */
  readonly slept: number
  /** By how many milliseconds the clock was set while no daemon ran, as far as that shows. */
  readonly stepped: number
  /** Tells whether there is more to do in the next second. */
  second(): boolean
  minute(): void
}

export interface CareWorld {
  readonly history: DaemonHistory
  readonly time: Clock
  /** Names the boot of this machine. */
  readonly boot: string
  readonly log: Log
  readonly settings: () => Pick<Settings, 'history'>
  /** The clock was set by so many milliseconds. */
  readonly onStep: (ms: number) => void
  /** The machine was suspended. */
  readonly onSleep: () => void
}

/** To be called before the flies are read: the clock may have been set meanwhile. */
export function careForHistory({ history, time, boot, log, settings, onStep, onSleep }: CareWorld): Care {
  let pruning: NodeJS.Immediate | undefined
  const { slept, stepped } = catchUp(history, time, boot, log)
  const running = sayHowItEnded(history, boot, log)
  const remember = () => rememberTime(history, time, boot)
  remember()

  function followTime(): void {
    const { stepped, slept } = time.check()
    if (stepped !== 0) {
      onStep(stepped)
      moveTimes(history, stepped, log)
      remember()
    }
    if (slept > 0) onSleep()
  }

  /** Slice after slice, between which packets have their turn: so it keeps up with whatever comes. */
  function prune(): void {
    const { more } = history.prune(limitsOf(settings()), time.now())
    pruning = more ? setImmediate(prune) : undefined
  }

  return {
    slept,
    stepped,
    second() {
      followTime()
      if (pruning === undefined) prune()
      const isWaiting = history.retry()
      void history.sync()
      return isWaiting
    },
    minute: remember,
    [Symbol.dispose]() {
      clearImmediate(pruning)
      remember()
      running[Symbol.dispose]()
    },
  }
}

function limitsOf({ history: { keep, most } }: Pick<Settings, 'history'>) {
  return { keepMs: keep === 'forever' ? Number.POSITIVE_INFINITY : keep * 1000, most }
}
