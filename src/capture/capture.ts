/**
 * A packet arrives. The port that the queue (nfnetlink_queue) and the log (NFLOG) both stand behind.
 *
 * The kernel has shut the source out before the packet gets here, and the packet itself is always dropped:
 * a capture only tells. Each packet is settled exactly once, whatever the receiver does.
 */

import type { Channel } from '../terms/channel.ts'

/** A captured packet. `bytes` starts at the IP header and is a view that is only valid until the callback returns. */
export interface Captured {
  readonly bytes: Uint8Array
  readonly channel: Channel
  /** Where the kernel handed it over. */
  readonly hook: 'input' | 'forward' | 'other'
}

export interface CaptureCounts {
  /** Packets handed to the receiver since opening. */
  readonly packets: number
  /** Receive buffer overruns that the kernel told us of (ENOBUFS), each at least one lost packet. */
  readonly overruns: number
  /** Packets the kernel dropped because the queue was full or no room was left, where it counts them. */
  readonly lost: number
  /** Packets that wait for the receiver now: here, and in the kernel's queue where it tells. */
  readonly waiting: number
}

export interface Capture extends Disposable {
  readonly kind: 'queue' | 'log'
  counts(): CaptureCounts
}

/** Called with the next packets, some hundred at most, between two turns of the event loop. */
export type Receive = (batch: readonly Captured[]) => void
