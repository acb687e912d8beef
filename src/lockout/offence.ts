/** An offence becomes a lockout: whose, for what, for how long. */
import type { Captured } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import type { Piece } from '../judge/evidence.ts'
import type { Grade, Guilt } from '../judge/verdict.ts'
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import { type Length, lengthOf } from './length.ts'
import type { Lockout, Past } from './lockout.ts'

export interface Offence {
  readonly packet: Packet
  /** Whom it counts against. */
  readonly fly: Fly
  readonly because: Guilt
  readonly grade: Grade
  /** All that counts against the source; what the packet tried is among it. */
  readonly evidence: readonly Piece[]
  /** The longest lockout that this evidence can bring. */
  readonly longest: Length
  readonly hook: Captured['hook']
}

/** The lockout of a source with this past; `now` in milliseconds since the epoch. */
export function lockoutOf(
  { packet, fly: source, because, grade, evidence, longest, hook }: Offence,
  past: Past | undefined,
  lengths: Settings['lockout'],
  now: number,
): Lockout {
  const ports = portsOf(evidence, past, lengths, now)
  const length = lengthOf(ports.length, longest, lengths)
  const lockout: Lockout = {
    source,
    packetSource: packet.source,
    tried: packet.tried,
    hook,
    because,
    grade,
    since: now,
    until: length === 'forever' ? length : now + length * 1000,
    times: (past?.times ?? 0) + 1,
    ...(evidence.length > 1 && { evidence }),
    ...(ports.length > 1 && { ports }),
  }
  return hook === 'forward' ? { ...lockout, forwardedTo: packet.destination } : lockout
}

/** The different ports that count now; those of visits that ended long ago do not. More than many change nothing, and each takes room in the history. */
function portsOf(
  evidence: readonly Piece[],
  past: Past | undefined,
  { remember, manyPorts }: Settings['lockout'],
  now: number,
): readonly string[] {
  const here = evidence.map(({ what }) => what)
  if (past === undefined || past.ended + remember * 1000 < now) return here
  return [...new Set([...here, ...past.ports])].slice(0, Math.max(here.length, manyPorts))
}
