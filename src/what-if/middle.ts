/** The daemon's middle without a kernel: the state and the ledger that packets are judged by, with a history of its own in memory. */
import type { Firewall } from '../arm/firewall.ts'
import { nearOf } from '../arm/near.ts'
import { insideOf, type Neighbourhood } from '../arm/surroundings.ts'
import { openTally } from '../counters/tally.ts'
import type { Weighing } from '../daemon/daemon.ts'
import type { History } from '../history/history.ts'
import { openBreadth } from '../judge/breadth.ts'
import { openEvidence } from '../judge/evidence.ts'
import { openSightingBuffer } from '../judge/sightings.ts'
import { indexOf } from '../lockout/flies.ts'
import type { Memory } from '../lockout/lockout.ts'
import { openPromotion } from '../lockout/promotion.ts'
import { neverOf, type Settings } from '../settings/settings.ts'
import type { Address } from '../terms/address.ts'
import { type Fly, flyOfElement } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'

export interface Past {
  /** In memory, to be written to: what was known of the sources when the first packet came. */
  readonly history: Memory & Pick<History, 'shift'>
  /** When that was, in milliseconds since the epoch. */
  readonly at: number
}

export interface Middle {
  readonly weighing: Weighing
  /** Now, in milliseconds since the epoch. */
  at: number
  nameFly(source: Address): Fly
  /** Who was near then; undefined: that is not known, and nobody was. */
  follow(neighbourhood: Neighbourhood | undefined): void
  /** What counts against sources, and who goes first; flies stay. */
  forgetAll(): void
  /** Whose hold was ended since the last time. */
  unheld(): readonly Fly[]
  stretches(fly: Fly, stretch: number | undefined): void
  stretchOf(fly: Fly): number | undefined
}

const NOBODY: Neighbourhood = { own: [], gateways: [], resolvers: [], onLink6: [], links: [], inside: [] }

export function openMiddle(settings: Settings, past: Past | undefined): Middle {
  const never = neverOf(settings)
  const flies = indexOf(past?.history ?? NO_MEMORY, past?.at ?? 0)
  const stretch = new Map<Fly, number>()
  let unheld: Fly[] = []
  const firewall: Firewall = {
    ...NO_KERNEL,
    take(set, elements) {
      if (set === 'flypaper_hold' || set === 'flypaper_hold6')
        unheld.push(...elements.flatMap(one => flyOfElement(one) ?? []))
      return []
    },
  }
  const policyOf = (neighbourhood: Neighbourhood): Weighing['state']['policy'] => {
    const near = nearOf(neighbourhood, never, settings.shared)
    const judging = {
      never,
      near: near.prefixes,
      holdOnly: settings.shared.holdOnly,
      evidence: settings.evidence,
    }
    // Who is known in a prefix, nobody can tell any more.
    const lockout = { ...settings.lockout, wholePrefixes: false }
    const inside = prefixSet(insideOf(neighbourhood, settings))
    return { near, judging, inside, settings: { ...settings, lockout } }
  }
  const state: { -readonly [K in keyof Weighing['state']]: Weighing['state'][K] } = {
    policy: policyOf(NOBODY),
    flies,
    memory: openEvidence(),
    breadth: openBreadth(),
    whole: { waiting: new Map(), isAsking: false },
    promotion: openPromotion(),
    fullSince: Number.NEGATIVE_INFINITY,
    pausedUntil: undefined,
  }
  const history = past?.history ?? NO_MEMORY
  const quiet = () => {}
  const middle: Middle = {
    at: past?.at ?? 0,
    weighing: {
      world: { now: () => middle.at, firewall, history },
      state,
      ledger: { firewall, history, flies, refused: quiet },
      tally: openTally(),
      sightings: openSightingBuffer(0),
      ruleChanges: AT_REST,
      servedNow: {
        find: tried => ('port' in tried ? [tried.kind === 'tcp' ? 6 : 17, tried.port] : [6, 0]),
        follow: quiet,
      },
      alarms: { full: quiet, byHand: quiet, background: quiet, lasting: quiet, suspect: quiet, named: quiet },
      ended: new AbortController().signal,
    },
    nameFly: source => state.policy.near.nameFly(source),
    follow(neighbourhood) {
      state.policy = policyOf(neighbourhood ?? NOBODY)
    },
    forgetAll() {
      state.memory.forgetAll()
      state.breadth.forgetAll()
      state.promotion = openPromotion()
    },
    unheld() {
      const those = unheld
      unheld = []
      return those
    },
    stretches(fly, ms) {
      if (ms === undefined) stretch.delete(fly)
      else stretch.set(fly, ms)
    },
    stretchOf: fly => stretch.get(fly),
  }
  return middle
}

const AT_REST: Weighing['ruleChanges'] = {
  note() {},
  noteElements() {},
  lookIn() {},
  rest: () => Number.POSITIVE_INFINITY,
  evidence: () => 'full',
  later: then => then(true),
  [Symbol.dispose]() {},
}

const NO_KERNEL: Firewall = {
  load() {},
  change() {},
  take: () => [],
  takeOut() {},
  ask: () => [],
  look: () => undefined,
  first: () => [],
  ports: () => [],
  read: async () => [],
  supports: () => false,
}

const NO_MEMORY: Memory = {
  add() {},
  prolong() {},
  pastOf: () => new Map(),
  terms: () => [],
  release: () => 0,
  releaseAll: () => 0,
}
