/** The running daemon: its state, to which only steps assign, and what they act through. */
import type { Acquaintances } from '../arm/acquaintances.ts'
import type { Bound } from '../arm/bound.ts'
import type { Excuses } from '../arm/excusable.ts'
import type { Tally } from '../counters/tally.ts'
import type { Following } from '../doctor/auto.ts'
import type { Care } from '../history/upkeep.ts'
import type { Breadth } from '../judge/breadth.ts'
import type { EvidenceMemory } from '../judge/evidence.ts'
import type { SightingBuffer } from '../judge/sightings.ts'
import type { Auditor } from '../keep/audit.ts'
import type { Keeper } from '../keep/keeper.ts'
import type { RuleChanges } from '../keep/rule-changes.ts'
import type { Ledger } from '../lockout/commit.ts'
import type { Flies } from '../lockout/flies.ts'
import type { Promotion } from '../lockout/promotion.ts'
import type { SampleBuffer } from '../lockout/samples.ts'
import type { Minutely } from '../log/minutely.ts'
import type { Ring } from '../ring/ring.ts'
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import type { InUseClock } from './in-use.ts'
import type { AnswerTo, InputOf, Kind } from './input.ts'
import type { NamedClock, NamedHosts } from './named-hosts.ts'
import type { NeverKeeper } from './never-by-hand.ts'
import type { NeverLook } from './never-files.ts'
import type { PauseClock } from './pause.ts'
import type { Policy } from './policy.ts'
import type { ServedNow } from './served-now.ts'
import type { Sources } from './sources.ts'
import type { Living } from './testimony.ts'
import type { TryingClock } from './trying.ts'
import type { WholePrefixes } from './whole-prefixes.ts'
import type { World } from './world.ts'

export interface State {
  policy: Policy
  readonly flies: Flies
  /** What counts against sources that are not judged by one packet. */
  readonly memory: EvidenceMemory
  /** Closed ports of many networks of one IPv6 prefix. */
  readonly breadth: Breadth
  readonly whole: WholePrefixes
  readonly promotion: Promotion
  /** When the set was full and nobody could make room, in milliseconds since the epoch. */
  fullSince: number
  /** Nobody new is held or locked out until then. */
  pausedUntil: number | undefined
  /** The history has told of a pause, or that there is none, or somebody has since. */
  isPauseKnown: boolean
  /** Who is no fly any more, and the kernel would not let him go. */
  readonly owed: Set<Fly>
  /** What was said last of this machine that could not be read whole. */
  unread: readonly string[]
  /** Who is known by a name, as it was looked up outside. */
  readonly named: NamedHosts
  /** The state in which the files of never_files could not be taken, which was said. */
  neverRefused?: string | undefined
  /** The look at them that goes on. */
  neverLook?: NeverLook | undefined
  /** What closed = "auto" remembers from look to look at the firewall beside us. */
  following: Following
}

export interface Daemon {
  readonly world: World
  readonly state: State
  /** Where flies change: kernel, history, index. */
  readonly ledger: Ledger
  readonly tally: Tally
  readonly sightings: SightingBuffer
  readonly samples: SampleBuffer
  readonly deferrals: Minutely
  readonly prolonged: Minutely
  readonly tryingClock: TryingClock
  readonly inUseClock: InUseClock
  readonly namedClock: NamedClock
  readonly acquaintances: Acquaintances
  readonly living: Living
  readonly excuses: Excuses
  readonly bound: Bound
  readonly audit: Auditor
  readonly keeper: Keeper
  /** The flies or the settings have changed: the state file follows. */
  readonly changed: () => void
  readonly care: Care
  /** Others change their rules. */
  readonly ruleChanges: RuleChanges
  readonly sources: Sources
  readonly servedNow: ServedNow
  /** The last packets, on the disk. */
  readonly ring: Ring
  readonly pauseClock: PauseClock
  /** Rings when the time of the first entry by hand of the never-list is over, ... */
  readonly neverClock: PauseClock
  /** ... and their file. */
  readonly neverKeeper: NeverKeeper
  /** Given when the daemon ends: what still goes on in the background fails then. */
  readonly ended: AbortSignal
  /** Alarms that may come by the thousand, each with a pace of its own. */
  readonly alarms: Readonly<
    Record<'full' | 'byHand' | 'background' | 'lasting' | 'suspect' | 'named', (message: string) => void>
  >
}

/** As much of the daemon as it takes to judge packets: `what-if` has this, and nothing else. */
export interface Weighing
  extends Pick<Daemon, 'ledger' | 'tally' | 'sightings' | 'ruleChanges' | 'servedNow' | 'alarms' | 'ended'> {
  readonly world: Pick<World, 'now' | 'firewall'> & { readonly history: Pick<World['history'], 'pastOf'> }
  readonly state: Omit<State, 'policy' | 'owed' | 'named' | 'unread' | 'following' | 'isPauseKnown'> & {
    readonly policy: Pick<Policy, 'near' | 'judging' | 'inside'> & {
      readonly settings: Pick<Settings, 'lockout' | 'promotion' | 'sizes' | 'evidence' | 'closed' | 'public'>
    }
  }
}

/** Nobody new is held or locked out meanwhile. */
export function isPaused({ pausedUntil }: Pick<State, 'pausedUntil'>, now: number): boolean {
  return pausedUntil !== undefined && now < pausedUntil
}

/** Takes the daemon through one input: how sources and orders reach it. */
export type Feed = <K extends Kind>(input: InputOf<K>) => AnswerTo<K>
