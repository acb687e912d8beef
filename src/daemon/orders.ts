/** What people order: lock, free, flush. */
import { commit } from '../lockout/commit.ts'
import { type Locked, lock } from '../lockout/decide/lock.ts'
import { namesOf } from '../lockout/flies.ts'
import { freeAcross as acrossAll, type Freed, flush, freeIn as free, freeThese } from '../lockout/free.ts'
import { forgetCounted } from '../lockout/hold.ts'
import type { Prefix } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'
import { roomFor } from './lock-out.ts'
import { forgetSuspects } from './suspects.ts'

export function lockByHand(daemon: Daemon, { wishes, order }: InputOf<'lock'>): Locked {
  const { state, world } = daemon
  const { settings, near, never } = state.policy
  const now = world.now()
  const { decision, locked, kept, refused } = lock(
    wishes,
    order,
    {
      flies: state.flies,
      usual: settings.lockout.several,
      room: roomFor(daemon, wishes.length, now),
      never,
      near: near.prefixes,
      nameFly: near.nameFly,
      pastOf: world.history.pastOf,
    },
    now,
  )
  const entered = new Set(commit(decision, daemon.ledger, now))
  const unplaced = decision.enter.filter(lockout => !entered.has(lockout)).map(({ source }) => source)
  return {
    locked: locked.filter(fly => !unplaced.includes(fly)),
    kept,
    refused: [...refused, ...unplaced.map(who => ({ who, why: 'full' as const }))],
  }
}

/** Whoever is freed begins anew: what counted against him is forgotten. */
export async function freeIn(daemon: Daemon, { wanted, by, freed, keeps }: InputOf<'free'>): Promise<void> {
  const { state, ledger, world, ring } = daemon
  // By other settings, others of them may be flies.
  ring.note({ note: 'freed', sources: wanted.flatMap(namesOrItself) })
  await free(wanted, by, { ledger, nameFly: state.policy.near.nameFly, now: world.now, keeps }, piece => {
    forget(daemon, piece)
    freed(piece)
  })
  if (wanted.some(({ family, length }) => family === 6 && length < 64)) forgetSuspects(daemon)
}

/** The same for very many prefixes. */
export async function freeAcross(
  daemon: Daemon,
  wanted: PrefixSet,
  { by, freed, keeps }: Omit<InputOf<'free'>, 'input' | 'wanted'>,
): Promise<void> {
  const { ledger, world } = daemon
  await acrossAll(wanted, by, { ledger, now: world.now, keeps }, piece => {
    forget(daemon, piece)
    freed(piece)
  })
}

export function freeOnce(daemon: Daemon, { sources, by }: InputOf<'free-these'>): Freed {
  daemon.ring.note({ note: 'freed', sources })
  const freed = freeThese(sources, by, daemon.ledger, daemon.world.now())
  forget(daemon, freed)
  return freed
}

/** The flies that a host can be, or the prefix. */
function namesOrItself(prefix: Prefix): readonly Fly[] {
  const names = namesOf(prefix)
  return names.length > 0 ? names : [prefix.text as string as Fly]
}

function forget({ state, ledger, ring }: Daemon, { flies, held }: Freed): void {
  if (held.length > 0) ring.note({ note: 'let-go', sources: held })
  state.memory.forget(flies)
  state.memory.forget(held)
  forgetCounted(ledger, [...flies, ...held])
}

export async function flushAll(daemon: Daemon, { by }: InputOf<'flush'>): Promise<number> {
  const { state, ledger, world } = daemon
  const flies = await flush(ledger, by, world.now)
  state.memory.forgetAll()
  forgetSuspects(daemon)
  daemon.ring.note({ note: 'flushed' })
  world.events.tell({ event: 'flush', flies, by })
  return flies
}
