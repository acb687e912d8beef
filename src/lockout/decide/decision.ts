/**
 * What is to become of the flies. Deciding is pure: the index of flies and the policy go in, a Decision comes out, and
 * commit.ts alone carries it out.
 */
import type { TimedFly } from '../../arm/flies.ts'
import type { Fly } from '../../terms/fly.ts'
import type { Lockout, Prolongation, Release } from '../lockout.ts'

export interface Decision {
  /** Who is a fly no more. */
  readonly leave: readonly Leaving[]
  /** Who becomes a fly. */
  readonly enter: readonly Lockout[]
  /** Who became a fly by somebody else's hand: the kernel's set holds them already. */
  readonly adopt: readonly Lockout[]
  /** Flies that stay until another time. */
  readonly prolong: readonly Prolongation[]
  /** Flies that the kernel's set has lost, or holds with another time. */
  readonly restore: readonly TimedFly[]
  /** The same, of which those that are in the set have the right time. */
  readonly refill: readonly TimedFly[]
  /** Whoever is in the kernel's set and no fly: taken out. */
  readonly evict: readonly Fly[]
  /** Whose hold ends. */
  readonly unhold: readonly Fly[]
  /** Everybody is freed, and every hold ends. */
  readonly everybody?: Release | undefined
}

export interface Leaving {
  readonly flies: readonly Fly[]
  readonly release: Release
  /** False when somebody else has taken them out of the kernel's set. */
  readonly inKernel: boolean
}

const NOTHING: Decision = {
  leave: [],
  enter: [],
  adopt: [],
  prolong: [],
  restore: [],
  refill: [],
  evict: [],
  unhold: [],
}

/** A decision of these parts and nothing else. */
export function decision(parts: Partial<Decision>): Decision {
  return { ...NOTHING, ...parts }
}

/** Nobody leaves where there is nobody. */
export function leaving(flies: readonly Fly[], release: Release, inKernel = true): readonly Leaving[] {
  return flies.length === 0 ? [] : [{ flies, release, inKernel }]
}
