/** The running daemon as the control socket sees it. */
import type { Trap, World } from '../../flypaperd.ts'
import { sentence } from '../../record/sentence.ts'
import { closedMode, type Settings } from '../../settings/settings.ts'
import { type Prefix, parsePrefix } from '../../terms/address.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Control } from './protocol.ts'

/** How the daemon ends: the trap goes with it, or stays armed for the next one. */
export type End = 'disarm' | 'leave'

export interface Running {
  readonly pid: number
  readonly version: string
  readonly settings: Settings
  readonly world: World
  readonly trap: Trap
  readonly trial: { readonly until: number | undefined; confirm(): void }
  /** Ends the daemon; resolves when it has done so, but for answering. */
  finish(how: End): Promise<void>
}

export function controlOf({ pid, version, settings, world, trap, trial, finish }: Running): Control {
  const { log, now } = world
  const since = now()
  return {
    async status() {
      const { lockouts, spared, capture } = trap.counts()
      const { packets, overruns, lost } = capture
      return {
        pid,
        version,
        since,
        capture: trap.capture.kind,
        closed: closedMode(settings),
        ...(trial.until === undefined ? {} : { tryUntil: trial.until }),
        counts: { lockouts, spared, packets, overruns, lost },
      }
    },
    async free(who, by) {
      const { flies, held } = trap.flypaper.free(prefixesOf(who), by, now())
      for (const source of flies) log.info(sentence({ event: 'free', source, by }))
      return { flies: [...flies], held: [...held] }
    },
    async flush(by) {
      const flies = trap.flypaper.flush(by, now())
      log.info(sentence({ event: 'flush', flies, by }))
      return flies
    },
    stop: () => finish('disarm'),
    leave: () => finish('leave'),
    async confirm() {
      trial.confirm()
    },
  }
}

/** Throws a Failure (64) for what is neither an address nor a prefix. */
export function prefixesOf(who: readonly string[]): Prefix[] {
  return who.map(text => {
    const prefix = parsePrefix(text)
    if (prefix !== undefined) return prefix
    throw new Failure(`${escapeText(text)} is no address and no prefix`, { exit: EXIT.usage })
  })
}
