/** Arming by a policy: start, reload and arming again are this one function. */
import { type Arming, type ArmOptions, arm } from '../arm/arm.ts'
import { disarm } from '../arm/disarm.ts'
import type { Firewall } from '../arm/firewall.ts'
import type { TimedFly } from '../arm/flies.ts'
import type { History } from '../history/history.ts'
import { type Flies, secondsLeft } from '../lockout/flies.ts'
import type { Daemon, State } from './daemon.ts'
import { chainsOf, type Policy } from './policy.ts'
import type { World } from './world.ts'

/** Whether `table inet filter` was made by us: as the table does, it outlives the daemon. */
const MADE_TABLE = 'made-table'

/** Throws what the kernel or the settings have against it; a trap that was there before may be half of this policy's then. */
export function armBy(policy: Policy, daemon: Daemon, options: ArmOptions): Arming {
  const { world, state, acquaintances, excuses, bound, keeper, audit, alarms } = daemon
  const { firewall, surroundings, history, now } = world
  const arming = arm(
    {
      firewall,
      surroundings,
      settings: policy.settings,
      ruleset: policy.ruleset,
      near: policy.near,
      never: policy.never,
      flies: () => (policy.settings.dryRun ? [] : state.flies.timed(now)),
      nets: () => (policy.settings.dryRun ? undefined : timedNets(state.flies, now())),
      isFly: fly => state.flies.get(fly, now()) !== undefined,
      byHand: () => (policy.settings.dryRun ? [] : state.flies.byHand(now())),
      recalled: acquaintances.recall(now()),
      conditional: policy.conditional,
      excuses: () => [
        ...excuses.changes(policy.settings, surroundings, now()),
        ...bound.changes(policy.settings, surroundings, policy.conditional, now()),
      ],
      grace: graceLeft({ ...state, policy }, world),
      filled: keeper.watch,
    },
    options,
  )
  if (arming.table !== 'ours') history.setMeta(MADE_TABLE, arming.table === 'made' ? 'yes' : 'no')
  audit.remember({ ruleset: policy.ruleset, chains: chainsOf(policy) })
  if (arming.refused !== undefined)
    alarms.lasting(
      `nothing is dropped at ingress, since the kernel refuses it, and it is tried again when another device comes or goes: ${String(arming.refused)}`,
    )
  return arming
}

/** What could not be set right in its place is told, by `status` as well. */
export function tellFault({ audit, alarms }: Daemon): void {
  const fault = audit.lasting()
  if (fault !== undefined)
    alarms.lasting(
      `the trap is armed, but not as it should be: ${fault}. It is made anew by: flypaperd stop, then flypaperd start`,
    )
}

function timedNets(flies: Flies, now: number): readonly TimedFly[] {
  return flies.nets(now).flatMap(fly => {
    const term = flies.get(fly, now)
    return term === undefined ? [] : [{ fly, seconds: secondsLeft(term.until, now) }]
  })
}

/** Seconds in which nobody is judged: after boot, and while the trap is paused. */
export function graceLeft({ policy, pausedUntil }: State, { surroundings, now }: World): number {
  return Math.max(bootGraceLeft(policy, surroundings), Math.ceil(((pausedUntil ?? 0) - now()) / 1000))
}

/** Seconds of the grace time after boot that are left. */
export function bootGraceLeft({ settings }: Policy, surroundings: World['surroundings']): number {
  return Math.max(0, Math.ceil(settings.bootGrace - surroundings.uptime()))
}

/** Disarms whatever trap is in the kernel, also one whose daemon is gone. The flies stay. */
export function disarmTrap(
  firewall: Firewall,
  history: Pick<History, 'count' | 'getMeta'>,
  now: number,
): void {
  const holdsSomebody = (set: 'flypaper' | 'flypaper6') => firewall.first(set, 1).length > 0
  const keepFlies = history.count(now) > 0 || holdsSomebody('flypaper') || holdsSomebody('flypaper6')
  disarm(firewall, { keepFlies, madeTable: history.getMeta(MADE_TABLE) === 'yes' })
}
