/** An offence becomes a lockout: whose, for what, for how long. */
import type { Captured } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import type { Guilt } from '../judge/verdict.ts'
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import { lengthOf } from './length.ts'
import type { Lockout } from './lockout.ts'

export interface Offence {
  readonly packet: Packet
  /** Whom it counts against. */
  readonly fly: Fly
  readonly because: Guilt
  /** Anybody could have sent the packet in the source's name. */
  readonly forgeable: boolean
  readonly hook: Captured['hook']
}

/** The lockout of a source that was locked out so many times before; `now` in milliseconds since the epoch. */
export function lockoutOf(
  { packet, fly: source, because, forgeable, hook }: Offence,
  times: number,
  lengths: Settings['lockout'],
  now: number,
): Lockout {
  const length = lengthOf({ tried: packet.tried, forgeable }, times, lengths)
  const lockout: Lockout = {
    source,
    packetSource: packet.source,
    tried: packet.tried,
    hook,
    because,
    since: now,
    until: length === 'forever' ? length : now + length * 1000,
    times: times + 1,
  }
  return hook === 'forward' ? { ...lockout, forwardedTo: packet.destination } : lockout
}
