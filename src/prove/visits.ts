/** Clients that use a service as anybody does, by the system's own sockets. */
import type { Service } from './scans.ts'

export interface Visit extends Service {
  readonly source: string
  readonly destination: string
}

export interface Visits {
  /** One group after the other; those of a group at once. */
  readonly groups: readonly (readonly Visit[])[]
  /** Milliseconds until a visit that has heard nothing ends. */
  readonly wait: number
}

/** `served`: the service said something. `refused`: somebody said no. `silent`: nothing came. */
export type Became = 'served' | 'refused' | 'silent'
