/** A lockout, and what the flypaper needs of the history: the port that history/history.ts stands behind. */
import type { Captured } from '../capture/capture.ts'
import type { Tried } from '../decode/packet.ts'
import type { Guilt } from '../judge/verdict.ts'
import type { Address } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'

/** Why somebody is locked out: what a packet was found guilty of, or that a person wanted it. */
export type Cause = Guilt | 'by-hand'

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
  /** Who locked it out by hand, and why in his own words. */
  readonly by?: string
  readonly note?: string
  readonly since: number
  readonly until: number | 'forever'
  /** Which time it is that this source is locked out; the first is 1. */
  readonly times: number
}

/** A fly that stays until another time, by the will of a person. It is the same lockout: it counts once, and its reason stays. */
export interface Prolongation {
  readonly source: Fly
  readonly until: number | 'forever'
  readonly by: string
  readonly note?: string | undefined
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
  /** Gives the lockouts that are in force of these sources another end, and remembers who wanted that and why. */
  prolong(prolongations: readonly Prolongation[], now: number): void
  /** How many lockouts of each of these sources count already; those that were freed do not. Who never was, is left out. */
  timesBefore(sources: readonly Fly[]): ReadonlyMap<Fly, number>
  /** Who is locked out now, since when and until when, read as the caller takes them. */
  terms(now: number): Iterable<Pick<Lockout, 'source' | 'since' | 'until'>>
  /** Ends what is in force of these sources; tells how many lockouts that were. */
  release(sources: readonly Fly[], release: Release): number
  releaseAll(release: Release): number
}

/** Milliseconds since the epoch; for ever is infinite. */
export function endOf(until: Lockout['until']): number {
  return until === 'forever' ? Number.POSITIVE_INFINITY : until
}
