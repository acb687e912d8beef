/** Copies of some of the packets of flies (`history.samples_per_second`), by an NFLOG group of their own. A lost one is missing in a sample. */
import { SAMPLE } from '../terms/channel.ts'
import type { PacketSockets } from './intake.ts'

/** Throws when the group is taken. The bytes are those of Captured. */
export function openSampled(
  sockets: PacketSockets,
  number: number,
  receive: (batch: readonly Uint8Array[]) => void,
  onError: (error: unknown) => void,
): Disposable {
  return sockets.open(
    'log',
    [number + SAMPLE],
    packets => receive(packets.map(({ payload }) => payload)),
    onError,
  )
}
