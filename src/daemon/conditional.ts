/** The doors that rules of others open under a condition, as these rules change. */
import { isDeepStrictEqual } from 'node:util'
import { presentSets } from '../arm/firewall.ts'
import { type ConditionalDoors, conditionalChanges, surroundingChanges } from '../arm/surroundings.ts'
import { hasDoors, withDoors } from '../doctor/conditional.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import type { Daemon } from './daemon.ts'

/** New ones count at once. Those that are gone wait until the rules are at rest, in so many seconds: they may come back in a moment. */
export function followDoors(
  { state, world, bound, ruleChanges, servedNow }: Daemon,
  found: ConditionalDoors,
): number | undefined {
  const { conditional, settings } = state.policy
  const { translated, named, whole = [] } = found
  servedNow.follow(whole, settings.served)
  const kept = ruleChanges.rest() >= REST_SECONDS ? found : withDoors(found, conditional)
  const next = { ...kept, translated, named }
  const isSame = isDeepStrictEqual(translated, conditional.translated)
  if (!isSame || !hasDoors(conditional, next) || !hasDoors(next, conditional)) {
    // Somebody may just have removed the trap: then it is armed again with these.
    presentSets(world.firewall).change([
      ...conditionalChanges(next, settings.closed),
      ...surroundingChanges(world.surroundings, settings, next),
      ...bound.changes(settings, world.surroundings, next, world.now()),
    ])
  }
  state.policy = { ...state.policy, conditional: next }
  return hasDoors(found, next) ? undefined : REST_SECONDS
}
