/** Opens the capture that the ruleset's statement speaks to, and turns its packets into ours. */

import type { Statement } from '../arm/ruleset/spec.ts'
import { CHANNELS } from '../terms/channel.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Capture, Captured, Receive } from './capture.ts'

/** What a socket of the kernel delivers: the port that system/packet-sockets.ts stands behind. */
export interface PacketSockets {
  open(
    kind: Statement,
    numbers: readonly number[],
    onBatch: (packets: readonly SocketPacket[]) => void,
    onError: (error: unknown) => void,
  ): Omit<Capture, 'kind'>
}

export interface SocketPacket {
  readonly group: number
  readonly hook: number
  readonly payload: Uint8Array
}

/** Hook numbers of linux/netfilter.h. */
const HOOKS: Record<number, Captured['hook']> = { 1: 'input', 2: 'forward' }

/** Each channel has a number of its own, from `number` on, as in the judging chains. */
export function openCapture(
  sockets: PacketSockets,
  kind: Statement,
  number: number,
  receive: Receive,
  onError: (error: unknown) => void,
): Capture {
  const toCaptured = ({ group, hook, payload }: SocketPacket): Captured => ({
    bytes: payload,
    channel: CHANNELS[group - number]!,
    hook: HOOKS[hook] ?? 'other',
  })
  const socket = sockets.open(
    kind,
    CHANNELS.map((_, i) => number + i),
    packets => receive(packets.map(toCaptured)),
    onError,
  )
  return { kind, counts: () => socket.counts(), [Symbol.dispose]: () => socket[Symbol.dispose]() }
}

/** Which statement hands packets over here: as the settings say, or the best that this kernel has. */
export function chooseStatement(
  wanted: 'auto' | Statement,
  supports: (statement: Statement) => boolean,
): Statement {
  const order: readonly Statement[] = wanted === 'auto' ? ['queue', 'log'] : [wanted]
  const found = order.find(supports)
  if (found !== undefined) return found
  const missing = {
    queue: 'the queue statement (module nft_queue)',
    log: 'log to a group (modules nft_log and nfnetlink_log)',
  }
  throw new Failure(
    `this kernel cannot hand packets over: it lacks ${order.map(one => missing[one]).join(' and ')}`,
    {
      exit: EXIT.unavailable,
      hint:
        wanted === 'auto'
          ? 'Load one of these modules, or use a kernel that has them; `nft` alone cannot help.'
          : 'Write capture = "auto" in the settings, which takes what the kernel has.',
    },
  )
}
