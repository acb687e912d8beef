/**
 * The doorbell (closed = "unaccepted"): copies of a few of the packets that are watched, by an NFLOG group of its own. They only say
 * that it is time to look who was refused (refused.ts); what they carry is not read, and a lost one accuses nobody.
 */
import { DOORBELL } from '../terms/channel.ts'
import type { PacketSockets } from './intake.ts'

export function openDoorbell(
  sockets: PacketSockets,
  number: number,
  onRing: () => void,
  onError: (error: unknown) => void,
): Disposable {
  return sockets.open('log', [number + DOORBELL], onRing, onError)
}
