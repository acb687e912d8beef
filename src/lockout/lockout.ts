/** A lockout, and what the flypaper needs of the history: the port that history/history.ts stands behind. */
import type { Captured } from '../capture/capture.ts'
import type { Tried } from '../decode/packet.ts'
import type { Piece } from '../judge/evidence.ts'
import type { Grade, Guilt } from '../judge/verdict.ts'
import type { Address } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'

/** Why somebody is locked out: what a packet was found guilty of, that a person wanted it, or that another host or tool says so. */
export type Cause = Guilt | 'by-hand' | 'testimony'

/** Whether it was for something that came here. */
export function isAttack(because: string): boolean {
  return because !== 'by-hand' && because !== 'testimony'
}

/** Whose testimony it is: nobody else withdraws it. */
export interface Testifier {
  /** The author, in his own words. */
  readonly by: string
  /** The role whose socket it came by, and the user whom the kernel names there: `share flypaperd-outside`. */
  readonly via: string
}

/** Times are milliseconds since the epoch. What only a packet has is missing when it was by hand. */
export interface Lockout {
  readonly source: Fly
  /** Who sent the packet: the fly itself, or one address of its /64. */
  readonly packetSource?: Address
  readonly tried?: Tried
  readonly hook?: Captured['hook']
  /** Whom the packet was on its way to, when it was not for this machine. */
  readonly forwardedTo?: Address
  readonly because: Cause
  readonly grade: Grade
  /** All that counted against it, where that was more than what was tried here. */
  readonly evidence?: readonly Piece[]
  /** The different ports that it has tried, now and in the visits that still count, where they are more than one; as whatOf() writes them. */
  readonly ports?: readonly string[]
  /** Who locked it out by hand, or whose testimony it is; and why, in his own words. */
  readonly by?: string
  /** Of a testimony: see Testifier. */
  readonly via?: string
  readonly note?: string
  readonly since: number
  readonly until: number | 'forever'
  /** Which time it is that this source is locked out; the first is 1. */
  readonly times: number
}

/**
 * A fly that stays until another time: by the will of a person, or, without `by`, since it goes on trying. It is the same lockout: it counts
 * once, and its reason stays.
 */
export interface Prolongation {
  readonly source: Fly
  readonly until: number | 'forever'
  readonly by?: string | undefined
  /** How many packets of it were counted in the second half of its time; only of who goes on trying. */
  readonly packets?: number | undefined
  readonly note?: string | undefined
}

/** What is known of a source that was locked out before. */
export interface Past {
  /** How often; those that were freed do not count. */
  readonly times: number
  /** The different ports that it has tried in the visits that count, as whatOf() writes them. */
  readonly ports: readonly string[]
  /** When its last lockout ended or will end, in milliseconds since the epoch; for ever is infinite. */
  readonly ended: number
}

/** What the index keeps of a lockout. `stretch`: by so many milliseconds it is prolonged while its source tries; undefined: never. */
export type LockoutTerm = Pick<Lockout, 'source' | 'since' | 'until'> & {
  readonly stretch?: number | undefined
  /** A person wanted it, from the first or later on. */
  readonly byHand?: boolean | undefined
  /** Nothing but what somebody else says: evidence of our own and orders take its place. */
  readonly testimony?: Testifier | undefined
}

export interface Release {
  readonly at: number
  readonly by: string
  readonly because: string
  /** Whether the lockout still counts when the source comes again. */
  readonly counts: boolean
}

export interface Memory {
  /** All of them, or none. One of a source that is a fly takes the place of the old one. */
  add(lockouts: readonly Lockout[]): void
  /** Gives the lockouts that are in force of these sources another end, and remembers who wanted that and why, or how often they went on. */
  prolong(prolongations: readonly Prolongation[], now: number): void
  /** The past of these sources. Who was never locked out, is left out. */
  pastOf(sources: readonly Fly[]): ReadonlyMap<Fly, Past>
  /** Who is locked out now, since when and until when, read as the caller takes them. */
  terms(now: number): Iterable<LockoutTerm>
  /** Ends what is in force of these sources; tells how many lockouts that were. */
  release(sources: readonly Fly[], release: Release): number
  releaseAll(release: Release): number
}

export function testifierOf({
  because,
  by,
  via,
}: Pick<Lockout, 'because' | 'by' | 'via'>): Testifier | undefined {
  return because === 'testimony' && by !== undefined && via !== undefined ? { by, via } : undefined
}

/** Milliseconds since the epoch; for ever is infinite. */
export function endOf(until: Lockout['until']): number {
  return until === 'forever' ? Number.POSITIVE_INFINITY : until
}

/**
 * By how many milliseconds this lockout is prolonged while its source tries: by its own length. Never one that a person wanted, nor one for a
 * single port, nor in the name of a known host: honest programs of theirs go on by themselves. STRETCH in history/schema.ts says the same.
 */
export function stretchOf({ grade, by, ports, since, until }: Lockout): number | undefined {
  const goesOn = grade === 'forgeable' && by === undefined && ports !== undefined && until !== 'forever'
  return goesOn ? until - since : undefined
}
