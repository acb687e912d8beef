/** What the daemon needs of the world; system/system.ts opens the real one. */
import type { Firewall } from '../arm/firewall.ts'
import type { Surroundings } from '../arm/surroundings.ts'
import type { PacketSockets } from '../capture/intake.ts'
import type { PassingSets } from '../capture/refused.ts'
import type { LookAtFirewall } from '../doctor/auto.ts'
import type { Clock } from '../history/clock.ts'
import type { Reading } from '../history/reading.ts'
import type { DaemonHistory } from '../history/tolerant.ts'
import type { KernelSets } from '../keep/kernel-sets.ts'
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

/** The file of who is on the never-list by hand, in the state directory, whose disk may hang. */
export interface NeverStore extends Pick<WholeFile, 'write'> {
  /** What it says; undefined: there is no such file. `late`: its disk does not answer. */
  read(): NeverText | 'late' | undefined
  /** The same, however long it takes. */
  later(): Promise<NeverText | undefined>
  /** Takes it out of the way; tells where it is now. */
  setAside(): Promise<string>
}

/** Or why it cannot be read. */
export type NeverText = { readonly text: string } | { readonly because: string }

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
