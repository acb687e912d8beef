/**
 * The state file: the ruleset for boot with the flies in it, for the administrator's nftables.conf to include
 * (docs/nftables-conf.md). It drops the flies before the daemon runs, and in the same transaction as his `flush ruleset`.
 *
 * It may be read at any time later, also when nobody keeps it up to date any more: so it locks nobody out for longer
 * than BOOT_SECONDS, in which the daemon is there and knows better (docs/decisions/0011-the-state-file.md).
 */

import { TABLE } from '../arm/names.ts'
import { render } from '../arm/ruleset/render.ts'
import { bootRulesetOf } from '../arm/ruleset/ruleset.ts'
import type { Term } from '../lockout/flies.ts'
import { openAlarm } from '../log/alarm.ts'
import type { Log } from '../log/log.ts'
import type { Settings } from '../settings/settings.ts'
import { BY_HAND_OF, BY_HAND_SETS, elementOf, FLY_SETS, type Fly } from '../terms/fly.ts'
import { BOOT_SECONDS } from './reconcile.ts'

/** A text file that is always whole: the port that system/state-file.ts stands behind. */
export interface WholeFile {
  /** Replaces it, piece by piece while other things go on; all of it or, when it rejects, nothing. */
  write(pieces: Iterable<string>): Promise<void>
  /** Makes it disappear, also for a write that is on its way. No error when it is not there. */
  remove(): void
}

export interface StateFile extends Disposable {
  /** The flies or the settings have changed. */
  touch(): void
}

export interface StateWorld {
  readonly file: WholeFile
  readonly settings: () => Settings
  readonly flies: () => Iterable<readonly [Fly, Term]>
  readonly log: Log
  readonly now: () => number
}

/** Writing follows a change so soon, ... */
const SOON_MS = 100
/** ... but takes no more than this share of the time, ... */
const SHARE = 1 / 20
/** ... and waits no longer than this. */
const LATEST_MS = 60_000
/** Flies of one line and one piece. */
const PIECE = 500
/** The clock is read for each so many flies: to read it takes longer than to write a fly. */
const LOOKS = 256

export function keepStateFile(world: StateWorld): StateFile {
  const alarm = openAlarm(world.log, world.now)
  let took = 0
  let timer: NodeJS.Timeout | undefined
  let isWriting = false
  let isStale = false
  let isOver = false

  function touch(): void {
    isStale = true
    if (isWriting || isOver) return
    timer ??= setTimeout(write, Math.min(LATEST_MS, Math.max(SOON_MS, took / SHARE)))
  }

  async function write(): Promise<void> {
    timer = undefined
    isStale = false
    isWriting = true
    const began = performance.now()
    try {
      await world.file.write(stateText(world.settings(), world.flies(), world.now))
    } catch (error) {
      alarm(
        `the state file for boot cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      )
      isStale = true
    }
    took = performance.now() - began
    isWriting = false
    if (isStale) touch()
  }

  return {
    touch,
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

/** The text in pieces; the flies are read as the pieces are taken. */
export function* stateText(
  settings: Settings,
  flies: Iterable<readonly [Fly, Term]>,
  now: () => number,
): Generator<string> {
  yield `#!/usr/sbin/nft -f\n# Kept up to date by flypaperd: to be included, not to be changed. Nobody is locked out by it for more than ${BOOT_SECONDS} s.\n\n`
  yield render(bootRulesetOf(settings))
  const sets = [...FLY_SETS, ...(settings.public.length > 0 ? BY_HAND_SETS : [])]
  yield sets.map(set => `flush set ${TABLE.family} ${TABLE.name} ${set}\n`).join('')
  const waiting = new Map<string, string[]>(sets.map(set => [set, []]))
  let at = now()
  let count = 0
  for (const [fly, { until, byHand = false }] of flies) {
    if (++count % LOOKS === 0) at = now()
    const left = Math.round((until - at) / 1000)
    if (left < 1) continue
    const { set, element } = elementOf(fly)
    const text = typeof element === 'string' ? element : element.text
    for (const into of [set, byHand ? BY_HAND_OF[set] : undefined]) {
      const elements = into === undefined ? undefined : waiting.get(into)
      if (elements === undefined) continue
      elements.push(`${text} timeout ${Math.min(left, BOOT_SECONDS)}s`)
      if (elements.length === PIECE) yield addition(into!, elements.splice(0))
    }
  }
  for (const [set, elements] of waiting) if (elements.length > 0) yield addition(set, elements)
}

function addition(set: string, elements: readonly string[]): string {
  return `add element ${TABLE.family} ${TABLE.name} ${set} { ${elements.join(', ')} }\n`
}
