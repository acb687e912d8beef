/** What was refused by the chains of others, as the packet that it was: only its source port is not known. */

import type { Packet } from '../decode/packet.ts'
import type { Refused } from './refused.ts'

const TCP = 6
const SYN = 0x02

export function packetOf({ source, destination, protocol, port }: Refused): Packet {
  const tried =
    protocol === TCP ? ({ kind: 'tcp', port, flags: SYN } as const) : ({ kind: 'udp', port } as const)
  return { source, destination, tried }
}
