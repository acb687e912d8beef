/**
 * Changes of other programs' rules, as the kernel announces them: whether the rules have come to rest, and when it is time to look at them. A
 * manager writes them in several transactions, with anything between two of them; a host of containers never stops. So looks have a pace.
 */

/** Rules that nobody has changed for so many seconds are at rest. */
export const REST_SECONDS = 5
/** For so many seconds a refusal proves nothing while others write rules; who never stops writing has no more of it. */
const WRITING_SECONDS = 30
/** The first look comes so soon: what could hurt somebody is left at once. */
const FIRST_SECONDS = 0.2
/** Seconds between two looks at least. */
const PACE_SECONDS = 3
/** A timer that comes early by a part of a millisecond would cost a whole pace. */
const SLACK_MS = 20
/** A look that takes long, because there are many rules, comes so much more seldom: a tenth of the time. But not later than the rules of others can wait. */
const SHARE = 10
const SLOWEST_SECONDS = 15

export interface RuleChanges extends Disposable {
  /** Somebody else has changed rules, chains or tables, in one transaction. */
  note(): void
  /** Somebody else has changed what stands in a set or map by which rules send packets elsewhere: that is looked at, and no rule is another. */
  noteElements(): void
  /** Looks in so many seconds, or as soon as the pace allows it. */
  lookIn(seconds: number): void
  /** Seconds for which nobody has changed anything. */
  rest(): number
  /**
   * What it proves that a rule of others refuses somebody now: while they are being written it is no evidence, or a weak one. After one transaction it
   * is not known yet whether that was all.
   */
  evidence(): 'full' | 'later' | 'weak' | 'none'
  /** Calls back when the rules have come to rest, or have been changed again before that. */
  later(then: (isAtRest: boolean) => void): void
}

/** What waits for the rules to come to rest, at most; who finds no room is let go. */
const WAITING_MAX = 256

/** `look` tells in how many seconds it wants to look again; undefined: at the next change. `clock` is in seconds. */
export function openRuleChanges(
  look: () => number | undefined,
  clock: () => number,
  failed: (error: unknown) => void,
): RuleChanges {
  // Nobody knows what was written before: perhaps a moment ago.
  let began = clock()
  let changed = began
  let notBefore = Number.NEGATIVE_INFINITY
  let due = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let transactions = 1
  let isUnseen = false
  let waiting: ((isAtRest: boolean) => void)[] = []
  let resting: NodeJS.Timeout | undefined
  const rest = () => clock() - changed

  function lookIn(seconds: number): void {
    const at = Math.max(clock() + seconds, notBefore)
    if (at >= due) return
    clearTimeout(timer)
    due = at
    timer = setTimeout(attempt, Math.max(0, at - clock()) * 1000 + SLACK_MS)
  }

  /** A refusal counts by rules that have been looked at, whatever the pace. */
  function seeFirst(): void {
    if (isUnseen) attempt()
  }

  function attempt(): void {
    clearTimeout(timer)
    isUnseen = false
    due = Number.POSITIVE_INFINITY
    const at = clock()
    let again: number | undefined
    try {
      again = look()
    } catch (error) {
      failed(error)
    }
    const took = clock() - at
    notBefore = clock() + Math.min(SLOWEST_SECONDS, Math.max(PACE_SECONDS, took * SHARE))
    if (again !== undefined) lookIn(again)
  }

  function release(isAtRest: boolean): void {
    clearTimeout(resting)
    resting = undefined
    const those = waiting
    waiting = []
    for (const then of those) {
      try {
        then(isAtRest)
      } catch (error) {
        failed(error)
      }
    }
  }

  return {
    note() {
      const isFirst = rest() >= REST_SECONDS
      if (isFirst) began = clock()
      transactions = isFirst ? 1 : transactions + 1
      changed = clock()
      isUnseen = true
      release(false)
      lookIn(FIRST_SECONDS)
    },
    noteElements: () => lookIn(FIRST_SECONDS),
    lookIn,
    rest,
    evidence() {
      if (rest() >= REST_SECONDS) {
        seeFirst()
        return 'full'
      }
      if (transactions === 1) return 'later'
      return clock() - began < WRITING_SECONDS ? 'none' : 'weak'
    },
    later(then) {
      if (waiting.length === WAITING_MAX) return then(false)
      waiting.push(then)
      resting ??= setTimeout(
        () => {
          seeFirst()
          release(true)
        },
        (REST_SECONDS - rest()) * 1000 + SLACK_MS,
      )
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      clearTimeout(resting)
    },
  }
}
