/**
 * Who goes on trying stays (lockout/trying.ts). Nothing is done as long as nobody is due; then the index is walked over, and the kernel asked
 * for those alone, piece by piece, while everything else goes on. Whoever could not be asked in time ends.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { commit } from '../lockout/commit.ts'
import { goOn } from '../lockout/decide/go-on.ts'
import type { DueFlies } from '../lockout/flies.ts'
import { endOf, type Lockout, stretchOf } from '../lockout/lockout.ts'
import { halfOf, type Longest } from '../lockout/trying.ts'
import type { Address } from '../terms/address.ts'
import { elementOf, type Fly, meets } from '../terms/fly.ts'
import type { Daemon, State } from './daemon.ts'
import type { World } from './world.ts'

/** Asks who is due now; resolves to when the next is, in milliseconds since the epoch: infinite when nobody is, or the settings want none. */
export async function askWhoTries(daemon: Daemon): Promise<number> {
  const { state, world, ended } = daemon
  let next = Number.POSITIVE_INFINITY
  if (!isWanted(state)) return next
  for (const piece of state.flies.dueToAsk(longestOf(state), world.now)) {
    next = Math.min(next, piece.next, askFor(piece, daemon))
    await turn()
    if (ended.aborted || !isWanted(state)) break
  }
  return next
}

function isWanted({ policy: { settings } }: State): boolean {
  return settings.lockout.whileTrying && !settings.dryRun
}

/** What comes in a fly's name is no better evidence than what anybody could have forged. */
function longestOf({ policy: { settings } }: State): Longest {
  const { longestForgeable } = settings.lockout
  return { longestMs: longestForgeable === 'forever' ? Number.POSITIVE_INFINITY : longestForgeable * 1000 }
}

/** Returns when the first of those that were asked for is to be asked for again. */
function askFor({ set, due }: DueFlies, { ledger, state, world, prolonged }: Daemon): number {
  if (due.length === 0) return Number.POSITIVE_INFINITY
  // What they send on through this machine is counted as well, and is no trying.
  const outer = due.filter(({ fly }) => !meets(fly, state.policy.inside))
  const byElement = new Map(outer.map(({ fly }) => [elementOf(fly).element as Address, fly]))
  const counted = new Map<Fly, number>()
  for (const { element, packets } of ledger.firewall.ask(set, [...byElement.keys()]))
    if (packets !== undefined) counted.set(byElement.get(element)!, packets)
  const { decision, saw, next } = goOn(due, counted)
  const now = world.now()
  if (decision.prolong.length > 0) commit(decision, ledger, now)
  prolonged.note(decision.prolong.length, now)
  for (const { fly, packets } of saw) state.flies.saw(fly, packets)
  return next
}

/** When the first of these is due, in milliseconds since the epoch. */
export function firstDue(lockouts: readonly Lockout[]): number {
  let first = Number.POSITIVE_INFINITY
  for (const lockout of lockouts) {
    const stretch = stretchOf(lockout)
    if (stretch !== undefined) first = Math.min(first, halfOf(endOf(lockout.until), stretch))
  }
  return first
}

export interface TryingClock extends Disposable {
  /** Somebody is due then, in milliseconds since the epoch. */
  note(at: number): void
}

/** Those who come due meanwhile are asked for together: after a walk of a million flies, which takes its time, later. */
const PACE_SECONDS = { least: 0.25, most: 2.5, times: 20 }
/** What the kernel refuses to tell is asked for again after so long. */
const RETRY_MS = 5000
/** Of a timer of Node. */
const LONGEST_MS = 2 ** 31 - 1

/** `ask` tells when the next is due. Waits without a timer as long as nobody is. */
export function openTryingClock(
  ask: () => Promise<number>,
  { now, clock }: Pick<World, 'now' | 'clock'>,
  failed: (error: unknown) => void,
): TryingClock {
  let timer: NodeJS.Timeout | undefined
  /** In seconds of `clock`, which nobody sets. */
  let due = Number.POSITIVE_INFINITY
  let notBefore = 0
  let isAsking = false
  let isOver = false

  function wait(): void {
    clearTimeout(timer)
    if (isOver || isAsking || due === Number.POSITIVE_INFINITY) return
    const seconds = Math.max(due, notBefore) - clock()
    timer = setTimeout(look, Math.min(LONGEST_MS, Math.max(0, seconds * 1000))).unref()
  }

  function note(at: number): void {
    const then = clock() + (at - now()) / 1000
    // What is due already, and was not done, has a timer that stood still.
    if (then >= due && due > clock()) return
    due = Math.min(due, then)
    wait()
  }

  async function look(): Promise<void> {
    due = Number.POSITIVE_INFINITY
    isAsking = true
    const began = clock()
    const next = await ask().catch(error => {
      failed(error)
      return now() + RETRY_MS
    })
    isAsking = false
    const { least, most, times } = PACE_SECONDS
    notBefore = clock() + Math.max(least, Math.min(most, (clock() - began) * times))
    note(next)
    wait()
  }

  return {
    note,
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}
