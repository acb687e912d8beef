/**
 * The one place that changes who is a fly: a Decision is carried out in the kernel, then in the history, then in the index,
 * then it is told. What was told is remembered, and what is remembered was enforced: docs/decisions/0010-what-lasts.md.
 *
 * One policy for what the kernel refuses: who does not fit into a full set does not enter. To free everybody fails, and nothing
 * else is done. Whatever else it refuses is remembered all the same, and `refused` sees to it that the kernel gets it by being armed again.
 */
import { type Change, type Firewall, SetFull } from '../arm/firewall.ts'
import { byHandChanges, flyChanges, newFlyChanges, type TimedFly } from '../arm/flies.ts'
import { COUNT_SETS, TRIED_SETS } from '../arm/names.ts'
import { BY_HAND_OF, BY_HAND_SETS, elementOf, FLY_SETS, type Fly } from '../terms/fly.ts'
import type { Decision, Leaving } from './decide/decision.ts'
import { type Flies, secondsLeft } from './flies.ts'
import { endHolds, HOLD_SETS } from './hold.ts'
import { endOf, type Lockout, type Memory, type Prolongation, stretchOf, testifierOf } from './lockout.ts'

export interface Ledger {
  readonly firewall: Firewall
  readonly history: Memory
  readonly flies: Flies
  /** Who comes and goes, when it is done. */
  readonly told?: Told | undefined
  /**
   * The kernel refused a change, in the middle of a commit: what is remembered is not enforced until the trap is armed again, and
   * these are still in its set.
   */
  refused(error: unknown, stillIn?: readonly Fly[]): void
}

export interface Told {
  /** These are flies now. */
  entered(lockouts: readonly Lockout[]): void
  prolonged(prolongations: readonly Prolongation[]): void
  left(leaving: Leaving): void
  /** Somebody became a fly, or is none any more, or stays for another time. */
  changed(): void
}

/** Returns who entered; the kernel's set was full for all others. */
export function commit(decision: Decision, ledger: Ledger, now: number): readonly Lockout[] {
  const entered = intoKernel(decision, ledger, now)
  const { adopt } = decision
  const coming = adopt.length === 0 ? entered : [...entered, ...adopt]
  intoHistory(decision, coming, ledger.history, now)
  intoIndex(decision, coming, ledger.flies, now)
  if (ledger.told !== undefined) tell(decision, coming, ledger.told)
  return entered
}

/** Removals come first, in a transaction of their own: until it is done, the set has no room for others. */
function intoKernel(decision: Decision, ledger: Ledger, now: number): readonly Lockout[] {
  const { firewall, refused } = ledger
  const attempt = (changes: readonly Change[], leaving?: readonly Fly[]): boolean => {
    if (changes.length === 0) return true
    try {
      firewall.change(changes)
      return true
    } catch (error) {
      if (error instanceof SetFull) return false
      refused(error, leaving)
      return true
    }
  }
  const { everybody, enter, restore, refill, prolong, unhold } = decision
  if (everybody !== undefined) firewall.change(emptied(firewall))
  const gone = removed(decision)
  attempt(removals(gone), gone)
  // Before they are flies, so that nobody of them is let to a public port for a moment.
  attempt(byHandChanges(ofPersons(decision, ledger.flies, now)))
  attempt(flyChanges(prolong.length === 0 ? restore : [...restore, ...prolong.map(one => timed(one, now))]))
  attempt(newFlyChanges(refill))
  if (unhold.length > 0) tryTo(() => endHolds(firewall, [...new Set(unhold)]), refused)
  return attempt(newFlyChanges(enter.map(one => timed(one, now)))) ? enter : []
}

/** Those of the decision whom a person has locked out, now or before. */
function ofPersons(
  { enter, adopt, prolong, restore, refill }: Decision,
  flies: Flies,
  now: number,
): readonly TimedFly[] {
  const isOfPerson = (fly: Fly) => flies.get(fly, now)?.byHand === true
  const entering = [...enter, ...adopt].filter(({ because }) => because === 'by-hand')
  const staying = prolong.filter(({ by, source }) => by !== undefined || isOfPerson(source))
  return [
    ...[...entering, ...staying].map(one => timed(one, now)),
    ...[...restore, ...refill].filter(({ fly }) => isOfPerson(fly)),
  ]
}

function intoHistory(
  { leave, prolong, everybody }: Decision,
  coming: readonly Lockout[],
  history: Memory,
  now: number,
): void {
  if (everybody !== undefined) history.releaseAll(everybody)
  for (const { flies, release } of leave) history.release(flies, release)
  if (coming.length > 0) history.add(coming)
  if (prolong.length > 0) history.prolong(prolong, now)
}

function intoIndex(
  { leave, prolong, everybody }: Decision,
  coming: readonly Lockout[],
  flies: Flies,
  now: number,
): void {
  if (everybody !== undefined) flies.clear()
  for (const leaving of leave) for (const fly of leaving.flies) flies.delete(fly)
  for (const lockout of coming) {
    const { source, since, until } = lockout
    const byHand = lockout.because === 'by-hand'
    const [stretch, testimony] = [stretchOf(lockout), testifierOf(lockout)]
    flies.put(source, { since, until: endOf(until), stretch, byHand, testimony })
  }
  for (const { source, until, by } of prolong) {
    const before = flies.get(source, now)
    const stretch = by === undefined && before !== undefined ? endOf(until) - before.until : undefined
    const byHand = by !== undefined || before?.byHand === true
    flies.put(source, { since: before?.since ?? now, until: endOf(until), stretch, byHand })
  }
}

function tell({ leave, prolong, everybody }: Decision, coming: readonly Lockout[], told: Told): void {
  if (coming.length > 0) told.entered(coming)
  if (prolong.length > 0) told.prolonged(prolong)
  for (const leaving of leave) told.left(leaving)
  if (coming.length + prolong.length + leave.length > 0 || everybody !== undefined) told.changed()
}

function tryTo(act: () => void, refused: Ledger['refused']): void {
  try {
    act()
  } catch (error) {
    refused(error)
  }
}

function timed({ source, until }: Pick<Lockout, 'source' | 'until'>, now: number) {
  return { fly: source, seconds: secondsLeft(endOf(until), now) }
}

function removed({ leave, evict }: Decision): readonly Fly[] {
  const gone: Fly[] = [...evict]
  for (const { flies, inKernel } of leave) if (inKernel) for (const fly of flies) gone.push(fly)
  return gone
}

function removals(gone: readonly Fly[]): readonly Change[] {
  if (gone.length === 0) return []
  return FLY_SETS.flatMap(set => {
    const elements = gone.map(elementOf).filter(element => element.set === set)
    const also = BY_HAND_OF[set]
    if (elements.length === 0) return []
    const remove = { change: 'remove', set, elements } as const
    return also === undefined ? [remove] : [remove, { ...remove, set: also }]
  })
}

/** Which sets there are depends on the mode. */
function emptied(firewall: Firewall): readonly Change[] {
  const sets = firewall.look()?.sets ?? []
  return [...FLY_SETS, ...BY_HAND_SETS, ...HOLD_SETS, ...TRIED_SETS, ...COUNT_SETS]
    .filter(set => sets.some(({ name }) => name === set))
    .map(set => ({ change: 'empty', set }))
}
