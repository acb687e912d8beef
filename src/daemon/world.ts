/** What the daemon needs of the world; system/system.ts opens the real one. */
import type { Firewall } from '../arm/firewall.ts'
import type { Surroundings } from '../arm/surroundings.ts'
import type { PacketSockets } from '../capture/intake.ts'
import type { PassingSets } from '../capture/refused.ts'
import type { LookAtFirewall } from '../doctor/auto.ts'
import type { Clock } from '../history/clock.ts'
import type { PatientForgetting } from '../history/forgetting.ts'
import type { Reading } from '../history/reading.ts'
import type { DaemonHistory } from '../history/tolerant.ts'
import type { KernelSets } from '../keep/kernel-sets.ts'
import type { NeverStore } from '../keep/never-store.ts'
import type { WholeFile } from '../keep/state-file.ts'
import type { Events } from '../log/events.ts'
import type { DaemonLog } from '../log/log.ts'
import type { RingFiles } from '../ring/ring.ts'
import type { NeverFiles } from '../settings/settings.ts'

/** The files that never_files names, read while the daemon runs: by others, since that may take for ever. */
export interface NeverFilesReader {
  /** Of what is there now, and when the last of it was written, in milliseconds since the epoch. */
  version(named: readonly string[]): Promise<{ readonly version: string; readonly written: number }>
  /** Rejects with a Failure for what is missing or wrong. */
  read(named: readonly string[]): Promise<NeverFiles>
}

export interface World {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly surroundings: Surroundings
  readonly sockets: PacketSockets
  readonly passingSets: PassingSets
  readonly lookAtFirewall: LookAtFirewall
  readonly neverFiles: NeverFilesReader
  readonly neverStore: NeverStore
  readonly history: DaemonHistory
  /** The same, for whoever has patience. */
  readonly reading: Reading
  /** The same, for what has to go. */
  readonly forgetting: PatientForgetting
  readonly stateFile: WholeFile
  readonly ring: RingFiles
  /** Of this program. */
  readonly version: string
  readonly log: DaemonLog
  readonly events: Events
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What `now` goes by. */
  readonly time: Clock
  /** Seconds since some moment, never stepped: to measure how long something takes. */
  readonly clock: () => number
}
