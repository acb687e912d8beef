/** What the daemon needs of the world; system/system.ts opens the real one. */
import type { Firewall } from '../arm/firewall.ts'
import type { Surroundings } from '../arm/surroundings.ts'
import type { PacketSockets } from '../capture/intake.ts'
import type { PassingSets } from '../capture/refused.ts'
import type { LookAtFirewall } from '../doctor/auto.ts'
import type { Clock } from '../history/clock.ts'
import type { TolerantHistory } from '../history/tolerant.ts'
import type { KernelSets } from '../keep/kernel-sets.ts'
import type { WholeFile } from '../keep/state-file.ts'
import type { Events } from '../log/events.ts'
import type { DaemonLog } from '../log/log.ts'

export interface World {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly surroundings: Surroundings
  readonly sockets: PacketSockets
  readonly passingSets: PassingSets
  readonly lookAtFirewall: LookAtFirewall
  readonly history: TolerantHistory
  readonly stateFile: WholeFile
  readonly log: DaemonLog
  readonly events: Events
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What `now` goes by. */
  readonly time: Clock
  /** Seconds since some moment, never stepped: to measure how long something takes. */
  readonly clock: () => number
}
