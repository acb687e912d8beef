/** Whoever comes onto the never-list, or lives nearby from now on, is let go. */
import { exchanges } from '../arm/listed.ts'
import { commit } from '../lockout/commit.ts'
import { spare } from '../lockout/decide/leave.ts'
import type { Freed } from '../lockout/free.ts'
import { covers, type Prefix } from '../terms/address.ts'
import { type Fly, isNet, prefixOf } from '../terms/fly.ts'
import { type PrefixSet, prefixesIn } from '../terms/prefix-set.ts'
import type { Daemon } from './daemon.ts'
import { freeAcross, freeIn } from './orders.ts'
import { listedBy, type Policy } from './policy.ts'

/** Of so few prefixes the kernel is asked for each source that they can have, rather than for everybody whom it holds. */
const FEW = 100

/** Takes a policy that differs in whom it spares. */
export function relist(daemon: Daemon, next: Policy): void {
  takeList(daemon, next)
  letGoSpared(daemon)
}

/** The same where whoever it spares is freed by somebody else. */
export function takeList(daemon: Daemon, next: Policy): void {
  const { state, world } = daemon
  try {
    for (const change of exchanges(listedBy(state.policy), listedBy(next))) world.firewall.change([change])
  } catch (error) {
    daemon.keeper.rearm(`the never-list is refused: ${String(error)}`, 'later')
  }
  state.policy = next
}

/** Whom the kernel would drop unasked although he is never locked out by the policy in force is no fly any more. */
export function letGoSpared({ state, ledger, world }: Daemon): void {
  const now = world.now()
  commit(spare(state.policy.spared, state.flies, now), ledger, now)
}

/** The kernel asks the never-list before it asks whether somebody else is a fly, or held: so this may take its time. */
export function freeNever(daemon: Daemon): void {
  freeListed(daemon, daemon.state.policy.never, 'the never-list', () => {}).catch(error => {
    if (!daemon.ended.aborted)
      daemon.alarms.background(`whoever stands in the never-list is not freed: ${String(error)}`)
  })
}

/**
 * Whoever is locked out or held there is free. A prefix by hand that reaches beyond them stays: the kernel asks the never-list before it, so they
 * pass, and the rest of it is shut out as somebody wanted.
 */
export async function freeListed(
  daemon: Daemon,
  never: PrefixSet,
  by: string,
  freed: (piece: Freed) => void,
): Promise<void> {
  const keeps = (fly: Fly) => isNet(fly) && !isWithin(prefixOf(fly), never)
  if (never.size > FEW) await freeAcross(daemon, never, { by, freed, keeps })
  else if (never.size > 0)
    await freeIn(daemon, { input: 'free', wanted: [...prefixesIn(never)], by, freed, keeps })
}

/** Prefixes nest or are disjoint: what it overlaps is around it or in it. */
function isWithin(prefix: Prefix, set: PrefixSet): boolean {
  const found = set.across(prefix)
  return found !== undefined && covers(found, prefix)
}
