/** The counters, since the daemon started. */
import type { KernelCounts } from '../arm/kernel-counts.ts'
import type { CaptureCounts } from '../capture/capture.ts'
import { INNOCENCES, type Innocence } from '../judge/verdict.ts'
import { DOUBTS, type Doubt, type Testified } from '../lockout/decide/testify.ts'
import { isAttack, type Lockout } from '../lockout/lockout.ts'
import { type Histogram, openHistogram } from './histogram.ts'

export interface Counts {
  readonly lockouts: number
  /** Those of them that nobody's packet brought. */
  readonly byHand: number
  /** The same by what was tried, why, and how good the evidence is. */
  readonly lockoutsBy: readonly {
    readonly proto: string
    readonly because: string
    readonly grade: string
    readonly count: number
  }[]
  /** Offences of sources that were locked out already. */
  readonly again: number
  /** Offenders for whom the set had no room: they were only held. */
  readonly overflow: number
  /** Packets whose source was let go, by reason. */
  readonly spared: Readonly<Record<Innocence, number>>
  /** Testimonies by what became of them: `locked`, `kept`, or why they were refused. */
  readonly testimonies: Readonly<Record<'locked' | 'kept' | Doubt, number>>
  /** Testimonies that their author has taken back in time. */
  readonly withdrawn: number
  /** Sources that the promotion limit left with a hold. */
  readonly deferred: number
  /** Packets that the kernel found to be no offence by itself, since its rules were loaded. */
  readonly kernel: KernelCounts
  readonly capture: CaptureCounts
  /** Packets that were judged at once. */
  readonly batchPackets: Histogram
  /** Seconds until their lockouts were done. */
  readonly batchSeconds: Histogram
}

type Counted = Pick<Counts, 'deferred' | 'kernel' | 'capture'>

export interface Tally {
  lockedOut(lockout: Lockout): void
  again(offences: number): void
  overflowed(offenders: number): void
  spared(because: Innocence): void
  batch(packets: number, seconds: number): void
  testified(heard: Testified): void
  withdrawn(flies: number): void
  /** With what others have counted. */
  counts<T extends Counted>(counted: T): Counts & T
}

const PACKETS = [1, 4, 16, 64, 256, 1024]
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2]

export function openTally(): Tally {
  let lockouts = 0
  let byHand = 0
  let again = 0
  let overflow = 0
  let withdrawn = 0
  const testimonies = Object.fromEntries(['locked', 'kept', ...DOUBTS].map(one => [one, 0])) as Record<
    keyof Counts['testimonies'],
    number
  >
  /** By what was tried, then why and how good the evidence is, with a space between them. */
  const lockoutsBy = new Map<string, Map<string, number>>()
  const spared = Object.fromEntries(INNOCENCES.map(because => [because, 0])) as Record<Innocence, number>
  const batchPackets = openHistogram(PACKETS)
  const batchSeconds = openHistogram(SECONDS)
  return {
    lockedOut({ tried, because, grade }) {
      lockouts++
      if (!isAttack(because)) byHand++
      const proto = tried?.kind ?? 'none'
      const known = lockoutsBy.get(proto) ?? new Map<string, number>()
      if (known.size === 0) lockoutsBy.set(proto, known)
      const why = `${because} ${grade}`
      known.set(why, (known.get(why) ?? 0) + 1)
    },
    again(offences) {
      again += offences
    },
    overflowed(offenders) {
      overflow += offenders
    },
    spared: because => void spared[because]++,
    batch(packets, seconds) {
      batchPackets.add(packets)
      batchSeconds.add(seconds)
    },
    testified({ locked, kept, refused }) {
      testimonies.locked += locked.length
      testimonies.kept += kept.length
      for (const { why } of refused) testimonies[why]++
    },
    withdrawn(flies) {
      withdrawn += flies
    },
    counts: counted => ({
      ...counted,
      lockouts,
      byHand,
      again,
      overflow,
      lockoutsBy: [...lockoutsBy].flatMap(([proto, counts]) =>
        [...counts].map(([why, count]) => {
          const [because, grade] = why.split(' ') as [string, string]
          return { proto, because, grade, count }
        }),
      ),
      spared: { ...spared },
      testimonies: { ...testimonies },
      withdrawn,
      batchPackets: batchPackets.read(),
      batchSeconds: batchSeconds.read(),
    }),
  }
}
