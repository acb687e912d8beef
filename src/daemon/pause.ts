/**
 * A pause: nobody new is held or locked out, and the flies stay. The kernel itself lets everybody pass meanwhile, by an element that
 * goes by itself, so that a pause ends also where the daemon does not live to see it.
 */
import { graceChanges } from '../arm/surroundings.ts'
import type { History } from '../history/history.ts'
import { graceLeft } from './arming.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'

/** A pause outlives a daemon that is relieved. */
const UNTIL = 'paused-until'

/** Milliseconds since the epoch; undefined when there is none any more. */
export function rememberedPause(history: Pick<History, 'getMeta'>, now: number): number | undefined {
  const until = Number(history.getMeta(UNTIL))
  return until > now ? until : undefined
}

/** 0 seconds end it. Throws, and nothing has changed, where the kernel refuses it. */
export function pause(daemon: Daemon, { seconds, by }: InputOf<'pause'>): void {
  const { state, world, pauseClock } = daemon
  const now = world.now()
  const wasPaused = state.pausedUntil !== undefined
  const pausedUntil = seconds === 0 ? undefined : now + seconds * 1000
  world.firewall.change(graceChanges(graceLeft({ ...state, pausedUntil }, world)))
  state.pausedUntil = pausedUntil
  world.history.setMeta(UNTIL, String(pausedUntil ?? ''))
  pauseClock.set(pausedUntil && pausedUntil - now)
  if (pausedUntil !== undefined) world.events.tell({ event: 'paused', until: pausedUntil, seconds, by })
  else if (wasPaused) world.events.tell({ event: 'resumed', by })
}

/** The clock was set by so many milliseconds: the pause is as long as before. */
export function shiftPause({ state, world }: Daemon, ms: number): void {
  if (state.pausedUntil === undefined) return
  state.pausedUntil += ms
  world.history.setMeta(UNTIL, String(state.pausedUntil))
}

export interface PauseClock extends Disposable {
  /** The pause is over in so many milliseconds; undefined: there is none. */
  set(ms: number | undefined): void
}

/** Without being told the kernel ends it as well: what it refuses is said, and ends nobody. */
export function openPauseClock(isOver: () => void, failed: (error: unknown) => void): PauseClock {
  let timer: NodeJS.Timeout | undefined
  const over = () => {
    try {
      isOver()
    } catch (error) {
      failed(error)
    }
  }
  return {
    set(ms) {
      clearTimeout(timer)
      timer = ms === undefined ? undefined : setTimeout(over, ms)
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
