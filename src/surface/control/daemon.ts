/** The running daemon as the control socket sees it. */

import type { World } from '../../flypaperd.ts'
import type { Wish } from '../../lockout/by-hand.ts'
import { closedMode } from '../../settings/settings.ts'
import type { Trap } from '../../trap.ts'
import { cachedText } from '../metrics/cached.ts'
import { kernelFill } from '../metrics/fill.ts'
import { metricsOf } from '../metrics/metrics.ts'
import { metricsText } from '../metrics/text.ts'
import { freeWhom, prefixesOf } from './freeing.ts'
import type { Served } from './protocol.ts'

/**
 * How the daemon ends: the trap goes with it, or stays armed for the next one. When a person wanted it to go (`retire`), the
 * state file goes, too; a shutdown leaves it for the next boot.
 */
export type End = 'retire' | 'disarm' | 'leave'

export interface Running {
  readonly pid: number
  readonly version: string
  readonly world: World
  readonly trap: Trap
  readonly trial: { readonly until: number | undefined; confirm(): void }
  /** Takes the settings of now, for whoever asks for it. */
  reload(by: string): Promise<void>
  /** Ends the daemon; resolves when it has done so, but for answering. */
  finish(how: End): Promise<void>
}

export function controlOf({ pid, version, world, trap, trial, reload, finish }: Running): Served {
  const { history, events, now, clock } = world
  const since = now()
  const filled = kernelFill(world.kernelSets, clock)
  const about = () => ({ version, since, capture: trap.capture.kind, closed: closedMode(trap.settings) })
  return {
    watch: events.watch,
    metrics: cachedText(async () => {
      const fill = { ...(await filled()), ...trap.flypaper.fill(now()) }
      const [status, counts, { sizes }] = [about(), trap.counts(), trap.settings]
      return metricsText(metricsOf({ status, counts, fill, sizes, historyBytes: history.bytes() }))
    }, clock),
    async status() {
      const { capture, ...counts } = trap.counts()
      return {
        pid,
        ...about(),
        ...(trap.auto === undefined ? {} : { auto: trap.auto }),
        dryRun: trap.settings.dryRun,
        ...(trial.until === undefined ? {} : { tryUntil: trial.until }),
        counts: { ...counts, ...capture },
      }
    },
    async lock({ lockouts, because: note, force = false, by }) {
      const prefixes = prefixesOf(lockouts.map(({ who }) => who))
      const wishes = lockouts.map(({ seconds }, i) => ({
        prefix: prefixes[i]!,
        length: (seconds ?? trap.settings.lockout.first) as Wish['length'],
      }))
      const { lockouts: locked, refused } = trap.lock(wishes, { by, note, force })
      return { locked: locked.map(({ source }) => source), refused: [...refused] }
    },
    free: request =>
      freeWhom(
        {
          flypaper: trap.flypaper,
          history,
          now,
          freed: source => events.tell({ event: 'free', source, by: request.by }),
        },
        request,
      ),
    async flush(by) {
      const flies = await trap.flypaper.flush(by, now)
      events.tell({ event: 'flush', flies, by })
      return flies
    },
    reload,
    stop: () => finish('retire'),
    leave: () => finish('leave'),
    async confirm() {
      trial.confirm()
    },
  }
}
