/** What is spoken over the control socket: HTTP/1.1 with JSON bodies, version 1. */
import { z } from 'zod'

/** Bytes of a request's body, at most. */
export const REQUEST_MAX = 64 * 1024

/** Who did it, as it is remembered: a user's name. */
const By = z.string().min(1).max(64)

export const FreeRequest = z.strictObject({
  /** Addresses and prefixes; names are looked up by whoever asks, never here. */
  who: z.array(z.string().max(64)).min(1).max(1000),
  by: By,
})
export const FlushRequest = z.strictObject({ by: By })

export const FreeAnswer = z.object({ flies: z.array(z.string()), held: z.array(z.string()) })
export const FlushAnswer = z.object({ flies: z.int() })

export const StatusAnswer = z.object({
  pid: z.int(),
  version: z.string(),
  /** Milliseconds since the epoch. */
  since: z.number(),
  capture: z.enum(['queue', 'log']),
  closed: z.enum(['unmatched', 'listening']),
  /** Until when the trap is only tried, in milliseconds since the epoch. */
  tryUntil: z.number().optional(),
  counts: z.object({
    lockouts: z.int(),
    spared: z.record(z.string(), z.int()),
    packets: z.int(),
    overruns: z.int(),
    lost: z.int(),
  }),
})

export type Freed = z.infer<typeof FreeAnswer>
export type DaemonStatus = z.infer<typeof StatusAnswer>

export const ErrorAnswer = z.object({ error: z.string() })

/** What the running daemon can be asked; the client has the same functions. */
export interface Control {
  status(): Promise<DaemonStatus>
  free(who: readonly string[], by: string): Promise<Freed>
  flush(by: string): Promise<number>
  /** Disarms, saves and ends. */
  stop(by: string): Promise<void>
  /** Ends and leaves the trap armed, for another daemon to go on. */
  leave(): Promise<void>
  /** Keeps a trap that was only to be tried. */
  confirm(): Promise<void>
}
