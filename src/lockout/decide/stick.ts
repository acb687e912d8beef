/** Offences become lockouts: one a source, as far as the promotion limit and the set's size admit them. Pure. */
import type { TimedFly } from '../../arm/flies.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Fly } from '../../terms/fly.ts'
import { type Flies, secondsLeft } from '../flies.ts'
import type { Lockout, Memory, Past } from '../lockout.ts'
import { lockoutOf, type Offence } from '../offence.ts'
import type { Known } from '../promotion.ts'
import { type Decision, decision } from './decision.ts'
import { outweighed } from './leave.ts'
import { inRoom, type Room } from './room.ts'

export interface Sticking {
  readonly flies: Flies
  readonly lengths: Settings['lockout']
  readonly room: Room
  readonly pastOf: Memory['pastOf']
  /** Whom the promotion limit lets through. */
  readonly admit: (candidates: readonly Fly[], knownOf: (fly: Fly) => Known) => readonly Fly[]
}

export interface Stuck {
  readonly decision: Decision
  /** So many offences were of sources that are locked out already, or by another packet of the same batch. */
  readonly again: number
  /** So many offenders found no room in the set: they are held only. */
  readonly unplaced: number
}

/** A packet of a fly this long after its lockout means that the kernel's set has lost it. */
const SETTLED_MS = 1000

/** `now` in milliseconds since the epoch. */
export function stick(offences: readonly Offence[], sticking: Sticking, now: number): Stuck {
  const { flies, lengths, pastOf, admit } = sticking
  const fresh = new Map<Fly, Offence>()
  const restore: TimedFly[] = []
  for (const offence of offences) {
    const { fly } = offence
    if (fresh.has(fly)) continue
    const term = flies.get(fly, now)
    if (term === undefined || term.testimony !== undefined) fresh.set(fly, offence)
    else if (now - term.since > SETTLED_MS) restore.push({ fly, seconds: secondsLeft(term.until, now) })
  }
  const candidates = [...fresh.keys()]
  const before = candidates.length === 0 ? new Map<Fly, Past>() : pastOf(candidates)
  const knownOf = (fly: Fly) => ({
    tried: fresh.get(fly)!.evidence.map(({ what }) => what),
    cameBefore: (before.get(fly)?.times ?? 0) > 0,
  })
  // push, not map(): what map() returns once it is compiled has another elements kind, and deoptimises every reader.
  const coming: Lockout[] = []
  for (const fly of admit(candidates, knownOf))
    coming.push(lockoutOf(fresh.get(fly)!, before.get(fly), lengths, now))
  const { enter, leave } = inRoom(coming, flies, sticking.room, now)
  return {
    decision: decision({ leave: [...leave, ...outweighed(enter, flies, now)], enter, restore }),
    again: offences.length - fresh.size,
    unplaced: coming.length - enter.length,
  }
}
