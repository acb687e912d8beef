/**
 * A pause: nobody new is held or locked out, and the flies stay. The kernel itself lets everybody pass meanwhile, by an element that
 * goes by itself, so that a pause ends also where the daemon does not live to see it.
 */
import { graceChanges } from '../arm/surroundings.ts'
import type { Seconds } from '../terms/duration.ts'
import { graceLeft } from './arming.ts'
import type { Daemon, State } from './daemon.ts'
import type { InputOf } from './input.ts'
import type { World } from './world.ts'

/** A pause outlives a daemon that is relieved. */
const UNTIL = 'paused-until'

type Remembering = Pick<World, 'history' | 'firewall' | 'now'>

/** Until when the trap is paused when a daemon begins. Where the history does not answer the kernel does, if it has gone on alone. */
export function pauseAtStart({
  history,
  firewall,
  now,
}: Remembering): Pick<State, 'pausedUntil' | 'isPauseKnown'> {
  const remembered = rememberedPause(history, now())
  if (remembered !== undefined) return { pausedUntil: remembered.until, isPauseKnown: true }
  const [grace] = firewall.ports('flypaper_grace', 1)
  return { pausedUntil: grace?.expires && now() + grace.expires * 1000, isPauseKnown: false }
}

/** In milliseconds since the epoch; undefined when the history cannot tell now. */
function rememberedPause(
  history: World['history'],
  now: number,
): { readonly until: number | undefined } | undefined {
  if (!history.answers()) return undefined
  const until = Number(history.getMeta(UNTIL))
  // It may have ceased to answer just then.
  return history.answers() ? { until: until > now ? until : undefined } : undefined
}

/** A pause that the history could not tell of at the start is taken up when it can. */
export function takeUpPause(daemon: Daemon): void {
  const { state, world } = daemon
  if (state.isPauseKnown) return
  const remembered = rememberedPause(world.history, world.now())
  if (remembered === undefined) return
  state.isPauseKnown = true
  if (remembered.until === undefined) return
  const seconds = Math.ceil((remembered.until - world.now()) / 1000) as Seconds
  pause(daemon, { input: 'pause', seconds, by: 'the history, which answers again' })
}

/** Whoever waits for packets to be judged shall know why nobody is, or somebody. */
export function tellUnknownPause({ state, world }: Daemon): void {
  if (!state.isPauseKnown)
    world.log.warn(
      'the history hangs, so it is not known whether the trap was paused: it is as long as the kernel says, and by the history when it answers',
    )
}

/** 0 seconds end it. Throws, and nothing has changed, where the kernel refuses it. */
export function pause(daemon: Daemon, { seconds, by }: InputOf<'pause'>): void {
  const { state, world, pauseClock } = daemon
  const now = world.now()
  const wasPaused = state.pausedUntil !== undefined
  const pausedUntil = seconds === 0 ? undefined : now + seconds * 1000
  world.firewall.change(graceChanges(graceLeft({ ...state, pausedUntil }, world)))
  state.pausedUntil = pausedUntil
  state.isPauseKnown = true
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
