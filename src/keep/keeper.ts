/**
 * Keeps an armed trap as it should be, whatever others do to it. Who removes it or a part of it (`nft flush
 * ruleset`, a firewall manager), or changes what about it, is named, and it is armed again with all flies. A table that somebody puts to sleep
 * is left asleep, since his own chains sleep in it, too.
 */

import { inPieces } from '../lockout/pieces.ts'
import { openAlarm } from '../log/alarm.ts'
import type { Audit } from './audit.ts'
import { type ForeignTransaction, holdsEnded, meaningOf, type Strange } from './external-changes.ts'
import type { SetChanges, SetState } from './reconcile.ts'
import { distrust, type KeepWorld, openSettling } from './settling.ts'
import { openWatchfulness } from './watchfulness.ts'

export interface KeptTrap extends SetChanges {
  /** Arms with all flies and the policy in force, and without what others have put into the sets. */
  arm(strange: readonly Strange[]): void
  /** How the trap in the kernel stands. */
  audit(): Audit
  /** The administrator's chains that shall have the jump. */
  chains(): readonly string[]
  /** Somebody else has changed rules that are not ours. */
  rulesChanged(): void
  /** Whether it is followed what stands in this set or map of others: `ip nat published`. */
  follows(named: string): boolean
  /** Somebody else has changed what stands in one. */
  elementsChanged(): void
  /** Whether the flies in the kernel are ours to keep: not in a dry run. */
  readonly keepsFlies: boolean
}

export interface KeeperCounts {
  /** How often the trap was armed again. */
  readonly rearmed: number
  /** Elements that were not as they should be, and were set right. */
  readonly mended: number
}

export interface Keeper extends Disposable {
  /**
   * Sees from now on what others do. Not before the sets hold the flies: the kernel would announce a million of our own
   * elements first, and lose the announcements of others. Called again, it does nothing.
   */
  watch(): void
  /** Arms again; `later`: not before the caller is done. Never throws: what fails is said, and tried again. */
  rearm(why: string, when?: 'later'): void
  /** Looks whether it is as it was armed; `who` may have changed it. */
  check(who: string): void
  /** Whether the table sleeps, as far as is known: then nothing is armed. */
  isAsleep(): boolean
  /** Does in the background what follows an arming. */
  follow(state: SetState): void
  /** Resolves when that is done, or has failed, or is done anew. */
  settled(): Promise<void>
  counts(): KeeperCounts
}

/** What others do in one go (a flush, then their rules) comes within less; the trap is not armed more often. */
const BETWEEN_MS = 50
const RETRY_MS = 1000
/** Two programs that undo each other's work shall not do it as fast as they can: after so many times in so long, once a second. */
const FIGHT = { times: 10, withinMs: 5000, pauseMs: 1000 }
/** What others have put into the sets is remembered until it is taken out: so many transactions, then whole sets are emptied. */
const STRANGE_MAX = 1000

export function keepTrap(world: KeepWorld, trap: KeptTrap): Keeper {
  const { kernelSets, log, events, now, flies } = world
  const alarm = openAlarm(log, now)
  const settling = openSettling(world, trap, {
    now: error => alarm(`cannot compare the kernel's sets with the history: ${String(error)}`),
    later: () => rearm('the sets are not as they should be'),
  })
  let rearmed = 0
  let timer: NodeJS.Timeout | undefined
  let strange: readonly Strange[] = []
  const armed: number[] = []
  const failed = (error: unknown) => alarm(`what others did is not dealt with: ${String(error)}`)
  const watchful = openWatchfulness({ audit: trap.audit, rearm, failed, log, pace: BETWEEN_MS })

  function rearm(why: string, when?: 'later'): void {
    if (timer !== undefined) return
    const isFight = armed.length === FIGHT.times && armed[0]! > performance.now() - FIGHT.withinMs
    const pause = isFight ? FIGHT.pauseMs : BETWEEN_MS
    const wait = Math.max(0, (armed.at(-1) ?? -pause) + pause - performance.now())
    if (wait === 0 && when === undefined) attempt(why)
    else timer = setTimeout(attempt, wait, why)
  }

  function attempt(why: string): void {
    timer = undefined
    const began = performance.now()
    try {
      if (watchful.sleeps(why)) return
      distrust(world)
      trap.arm(strange)
      strange = []
      rearmed++
      const took = Math.round(performance.now() - began)
      events.tell({ event: 'rearmed', why, flies: flies.count(now()), took })
      follow('begun')
    } catch (error) {
      alarm(`${why}, and arming again failed: ${String(error)}`)
      timer = setTimeout(attempt, RETRY_MS, why)
    }
    armed.push(performance.now())
    if (armed.length > FIGHT.times) armed.shift()
  }

  function follow(state: SetState): void {
    if (trap.keepsFlies) settling.follow(state)
  }

  function onForeign(transaction: ForeignTransaction): void {
    const by = `${transaction.name}, pid ${transaction.pid}`
    const meaning = meaningOf(transaction, trap.chains())
    const ended = holdsEnded(transaction)
    if (ended > 0 && meaning.meaning !== 'flushed') log.info(`${by}, has ended ${ended} holds`)
    if ('strange' in meaning) {
      remember(meaning.strange)
      rearm(`${by}, has ${meaning.meaning === 'flushed' ? 'removed' : 'changed'} a part of the trap`)
    }
    if (meaning.meaning === 'touched' || (meaning.meaning === 'flies' && meaning.isTouched))
      watchful.checkSoon(`${by},`)
    if (meaning.meaning !== 'flies' || !trap.keepsFlies) return
    inPieces(meaning.freed, piece => trap.released(piece, by)).catch(failed)
    inPieces(meaning.added, piece => trap.found(piece, by)).catch(failed)
  }

  /** More than can be remembered is anything. */
  function remember(more: readonly Strange[]): void {
    const all = [...strange, ...more]
    strange = all.length <= STRANGE_MAX ? all : [...new Set(all.map(({ set }) => set))].map(set => ({ set }))
  }

  const blind = (error: unknown) => alarm(`changes by others are seen once a minute only: ${String(error)}`)
  function openWatch(): Disposable | undefined {
    try {
      const onLost = () => {
        trap.rulesChanged()
        rearm('some announcements of the kernel were lost')
      }
      const onElements = { counts: trap.follows, told: trap.elementsChanged }
      return kernelSets.watch({ onForeign, onRules: trap.rulesChanged, onElements, onLost, onError: blind })
    } catch (error) {
      return void blind(error)
    }
  }

  let watching: Disposable | undefined
  return {
    watch() {
      watching ??= openWatch()
    },
    rearm,
    check: watchful.check,
    isAsleep: watchful.isAsleep,
    follow,
    settled: settling.settled,
    counts: () => ({ rearmed, mended: settling.mended() }),
    [Symbol.dispose]() {
      settling[Symbol.dispose]()
      clearTimeout(timer)
      watchful[Symbol.dispose]()
      watching?.[Symbol.dispose]()
    },
  }
}
