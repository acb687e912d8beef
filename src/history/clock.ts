/**
 * Lockouts last as long as they were meant to, whatever becomes of the clock (docs/decisions/0012-time.md): when it is
 * set, all times in index and history move with it; while the machine is suspended, time passes for flies, too.
 */

import type { Log } from '../log/log.ts'
import type { History } from './history.ts'
import { MIGRATIONS } from './schema.ts'

/** The port that system/clock.ts stands behind. */
export interface Clock {
  /** Milliseconds since the epoch; goes on steadily between two checks. */
  now(): number
  /** Milliseconds since boot. */
  boottime(): number
  /** Milliseconds of these in which the machine was suspended. */
  slept(): number
  /** Takes over what happened to the clock since the last time, and tells it: milliseconds, 0 for nothing. */
  check(): { readonly stepped: number; readonly slept: number }
  /** Calls at once when the clock was set, or the machine slept, where the kernel can tell. */
  watch(onSet: () => void): Disposable
}

const TIME = 'time'
/** Less frees nobody. */
const STEP_MS = 2000

interface Moment {
  readonly boot: string
  readonly boottime: number
  readonly now: number
  /** Missing in what older versions wrote. */
  readonly slept?: number
  /** The schema that the writer knows; missing in what 0.1.0 wrote (older-version.ts). */
  readonly schema?: number
}

/** To be called now and then: what the clock said when. */
export function rememberTime(history: Pick<History, 'setMeta'>, clock: Clock, boot: string): void {
  history.setMeta(
    TIME,
    JSON.stringify({
      boot,
      boottime: clock.boottime(),
      now: clock.now(),
      slept: clock.slept(),
      schema: MIGRATIONS.length,
    } satisfies Moment),
  )
}

/**
 * The clock may have been set while no daemon ran. In the same boot that shows exactly. After a reboot only a clock that
 * went back shows: then no time has passed, since nobody knows how much. Returns for how many milliseconds the machine was
 * suspended meanwhile, and by how many the clock was set, as far as that shows.
 */
export function catchUp(
  history: Pick<History, 'getMeta' | 'shift'>,
  clock: Clock,
  boot: string,
  log: Log,
): { readonly slept: number; readonly stepped: number } {
  const last = momentOf(history.getMeta(TIME))
  if (last === undefined) return { slept: 0, stepped: 0 }
  const passed = clock.boottime() - last.boottime
  const expected = last.boot === boot ? last.now + passed : Math.max(clock.now(), last.now)
  const step = clock.now() - expected
  const stepped = Math.abs(step) > STEP_MS ? step : 0
  if (stepped !== 0) moveTimes(history, stepped, log)
  const known = last.boot === boot && Number.isFinite(last.slept) ? last.slept! : clock.slept()
  return { slept: Math.max(0, clock.slept() - known), stepped }
}

export function moveTimes(history: Pick<History, 'shift'>, step: number, log: Log): void {
  history.shift(step)
  const way = step > 0 ? 'forward' : 'back'
  log.warn(
    `the clock was set ${way} by ${Math.round(Math.abs(step) / 1000)} s: nobody is freed or kept longer for it`,
  )
}

function momentOf(text: string | undefined): Moment | undefined {
  try {
    const moment = JSON.parse(text ?? '') as Partial<Moment>
    const isWhole = [moment.boottime, moment.now].every(Number.isFinite) && typeof moment.boot === 'string'
    return isWhole ? (moment as Moment) : undefined
  } catch {
    return undefined
  }
}
