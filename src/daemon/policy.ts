/**
 * Everything that a reload replaces, as one immutable value. It is made whole before anything is touched, so there is nothing to
 * take back when the machine refuses it.
 */
import { type Near, nearOf } from '../arm/near.ts'
import { rulesetOf } from '../arm/ruleset/ruleset.ts'
import type { Ruleset, Statement } from '../arm/ruleset/spec.ts'
import type { Neighbourhood, Surroundings } from '../arm/surroundings.ts'
import { chooseStatement } from '../capture/intake.ts'
import { type Auto, autoOf, type LookAtFirewall } from '../doctor/auto.ts'
import { type Judging, NO_HOSTS } from '../judge/judge.ts'
import type { Spared } from '../lockout/decide/leave.ts'
import type { Mode, Settings } from '../settings/settings.ts'

export interface Policy {
  /** As the settings file has them. */
  readonly asked: Settings
  /** The same, with a mode in place of "auto". */
  readonly settings: Settings & { readonly closed: Mode }
  /** What closed = "auto" took, and why; undefined when the settings name a mode. */
  readonly auto: Auto | undefined
  readonly near: Near
  /** The first of the ports from which this machine opens connections. */
  readonly firstLocalPort: number
  /** How packets are handed over. */
  readonly statement: Statement
  readonly ruleset: Ruleset
  readonly judging: Judging
  readonly spared: Spared
}

/** What of this machine decides about a policy. */
export interface Machine {
  readonly lookAtFirewall: LookAtFirewall
  readonly surroundings: Pick<Surroundings, 'neighbourhood' | 'firstLocalPort'>
  readonly supports: (statement: Statement) => boolean
}

/** The policy of these settings on this machine. Throws a Failure (69) when the kernel cannot hand packets over that way. */
export function plan(asked: Settings, machine: Machine): Policy {
  const auto = asked.closed === 'auto' ? autoOf(asked, machine.lookAtFirewall) : undefined
  return planWith(asked, auto, machine)
}

/** The same with a mode that closed = "auto" has taken already. */
export function planWith(asked: Settings, auto: Auto | undefined, machine: Machine): Policy {
  const silent = [...asked.grades.silent, ...(auto?.knocks ?? [])]
  const closed = auto?.mode ?? (asked.closed as Mode)
  const settings = { ...asked, closed, grades: { ...asked.grades, silent } }
  // A queue would drop what a dry run must let go.
  const statement = chooseStatement(settings.dryRun ? 'log' : settings.capture, machine.supports)
  const firstLocalPort = machine.surroundings.firstLocalPort()
  const ruleset = rulesetOf(settings, statement, firstLocalPort)
  const rest = { asked, settings, auto, firstLocalPort, statement, ruleset }
  return { ...rest, ...nearbyOf(settings, machine.surroundings.neighbourhood()) }
}

/** The administrator's chains that shall have the jump. */
export function chainsOf({ settings }: Policy): readonly string[] {
  return [...new Set([...settings.chains.input, ...settings.chains.forward])]
}

/** The same policy where other addresses, gateways or resolvers are near. */
export function withNear(policy: Policy, neighbourhood: Neighbourhood): Policy {
  return { ...policy, ...nearbyOf(policy.settings, neighbourhood) }
}

function nearbyOf(
  { never, lockout: strikes }: Settings,
  neighbourhood: Neighbourhood,
): Pick<Policy, 'near' | 'judging' | 'spared'> {
  const near = nearOf(neighbourhood, never)
  return {
    near,
    judging: { never, near: near.prefixes, strikes },
    spared: { never, unasked: [...near.prefixes, ...NO_HOSTS] },
  }
}
