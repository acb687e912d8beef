/**
 * Everything that a reload replaces, as one immutable value. It is made whole before anything is touched, so there is nothing to
 * take back when the machine refuses it.
 */
import type { Listed } from '../arm/listed.ts'
import { type Near, nearOf } from '../arm/near.ts'
import { rulesetOf } from '../arm/ruleset/ruleset.ts'
import type { Ground, Ruleset, Statement } from '../arm/ruleset/spec.ts'
import {
  type ConditionalDoors,
  insideOf,
  type Neighbourhood,
  NO_CONDITIONAL,
  type Surroundings,
} from '../arm/surroundings.ts'
import { chooseStatement } from '../capture/intake.ts'
import type { Auto, LookAtFirewall } from '../doctor/auto.ts'
import { choose } from '../doctor/choice.ts'
import { doorsOf } from '../doctor/conditional.ts'
import { translatedOf } from '../doctor/translated.ts'
import { type Judging, NO_HOSTS } from '../judge/judge.ts'
import type { Spared } from '../lockout/decide/leave.ts'
import { type Mode, neverOf, type Settings } from '../settings/settings.ts'
import { type PrefixSet, prefixSet } from '../terms/prefix-set.ts'

/** What the rules of others say. */
export interface Beside {
  /** What closed = "auto" takes, and why; undefined when the settings name a mode. */
  readonly auto: Auto | undefined
  /** What they open under conditions that change. */
  readonly conditional: ConditionalDoors
}

export interface Policy extends Beside {
  /** As the settings file has them. */
  readonly asked: Settings
  /** The same, with a mode in place of "auto". */
  readonly settings: Settings & { readonly closed: Mode }
  /** Whoever is never locked out by the settings, files and all. */
  readonly never: PrefixSet
  readonly near: Near
  /** The networks behind this machine. */
  readonly inside: PrefixSet
  readonly ground: Ground
  /** How packets are handed over. */
  readonly statement: Statement
  readonly ruleset: Ruleset
  readonly judging: Judging
  readonly spared: Spared
}

/** What of this machine decides about a policy. */
export interface Machine {
  readonly lookAtFirewall: LookAtFirewall
  readonly surroundings: Pick<Surroundings, 'neighbourhood' | 'firstLocalPort' | 'uplinks' | 'present'>
  readonly supports: (statement: Statement | 'fib' | 'counter') => boolean
}

/** The policy of these settings on this machine. Throws a Failure (69) when the kernel cannot hand packets over that way. */
export function plan(asked: Settings, machine: Machine): Policy {
  return planWith(asked, besideOf(asked, machine.lookAtFirewall), machine)
}

/** Looks at the firewall that is here. */
export function besideOf(asked: Settings, look: LookAtFirewall): Beside {
  const facts = { ...look(), settings: asked }
  const auto = asked.closed === 'auto' ? choose(facts) : undefined
  if (!('ruleset' in facts.sight)) return { auto, conditional: NO_CONDITIONAL }
  const { ruleset } = facts.sight
  return { auto, conditional: { ...doorsOf(ruleset), ...translatedOf(ruleset) } }
}

/** The same where that has been looked at already. */
export function planWith(asked: Settings, { auto, conditional }: Beside, machine: Machine): Policy {
  const silent = [...asked.evidence.silent, ...(auto?.knocks ?? [])]
  const closed = auto?.mode ?? (asked.closed as Mode)
  const whileTrying = asked.lockout.whileTrying && machine.supports('counter')
  const lockout = { ...asked.lockout, whileTrying }
  // In a dry run nobody sticks.
  const isSampled = !asked.dryRun && machine.supports('log')
  const history = { ...asked.history, ...(!isSampled && { samplesPerSecond: 0 }) }
  const settings = { ...asked, closed, lockout, history, evidence: { ...asked.evidence, silent } }
  // A queue would drop what a dry run must let go.
  const statement = chooseStatement(settings.dryRun ? 'log' : settings.capture, machine.supports)
  const neighbourhood = machine.surroundings.neighbourhood()
  const ground = groundOf(settings, neighbourhood, machine.surroundings, machine.supports('fib'))
  const ruleset = rulesetOf(settings, statement, ground)
  const never = neverOf(settings)
  const rest = { asked, settings, auto, conditional, never, ground, statement, ruleset }
  return { ...rest, ...nearbyOf(settings, never, neighbourhood) }
}

export function groundOf(
  settings: Pick<Settings, 'inside' | 'ingress' | 'dryRun'>,
  neighbourhood: Neighbourhood,
  { firstLocalPort, uplinks, present }: Machine['surroundings'],
  fib: boolean,
): Ground {
  const inside = fib && insideOf(neighbourhood, settings).length > 0
  const names = inside ? [...new Set(uplinks())].sort() : []
  const ingress = settings.dryRun ? [] : present(settings.ingress)
  return { firstLocalPort: firstLocalPort(), fib, inside, uplinks: names, ingress }
}

/** The administrator's chains that shall have the jump. */
export function chainsOf({ settings }: Policy): readonly string[] {
  return [...new Set([...settings.chains.input, ...settings.chains.forward])]
}

/** The same policy where other addresses, gateways or resolvers are near. */
export function withNear(policy: Policy, neighbourhood: Neighbourhood): Policy {
  return { ...policy, ...nearbyOf(policy.settings, policy.never, neighbourhood) }
}

/** The same policy where the files of never_files say something else, or others are on the never-list by hand. */
export function withNever(
  policy: Policy,
  other: Partial<Pick<Settings, 'neverFiles' | 'neverByHand'>>,
): Policy {
  const asked = { ...policy.asked, ...other }
  const settings = { ...policy.settings, ...other }
  const never = neverOf(settings)
  return { ...policy, asked, settings, never, ...nearbyOf(settings, never, policy.near.neighbourhood) }
}

/** What the sets hold by it. */
export function listedBy({ never, near: { singles } }: Policy): Listed {
  return { never, singles }
}

function nearbyOf(
  settings: Settings,
  never: PrefixSet,
  neighbourhood: Neighbourhood,
): Pick<Policy, 'near' | 'judging' | 'spared' | 'inside'> {
  const { evidence, shared } = settings
  const near = nearOf(neighbourhood, never, shared)
  return {
    near,
    inside: prefixSet(insideOf(neighbourhood, settings)),
    judging: { never, near: near.prefixes, holdOnly: shared.holdOnly, evidence },
    // A host of the never-list within a wider entry of it is named as well.
    spared: { never, unasked: [...settings.never, ...near.prefixes, ...NO_HOSTS] },
  }
}
