/** What is spoken over the control socket: HTTP/1.1 with JSON bodies, version 1. The table of it is endpoints.ts. */
import * as z from 'zod'
import { PROTOS } from '../../record/selection.ts'

/** Bytes of a request's body, at most. */
export const REQUEST_MAX = 65_536
/** Addresses and prefixes of one request, at most. */
export const WHO_MAX = 1000
/** Flies that an answer names; the others are only counted. */
export const NAMED_MAX = 1000
/** Characters of an error, at most. */
export const ERROR_MAX = 10_000

const By = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'Who did it, as it is remembered: the name of a user.' })
const Who = z.string().max(64).meta({ description: 'An address or a prefix, never a host name.' })
const Milliseconds = z.number().meta({ description: 'Milliseconds since 1970.' })

export const FreeRequest = z
  .strictObject({
    who: z.array(Who).min(1).max(WHO_MAX).optional(),
    since: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Locked out then or later, in milliseconds since 1970.' }),
    port: z.int().min(0).max(65535).optional(),
    proto: z.enum(PROTOS).optional(),
    by: By,
  })
  .meta({ description: 'All conditions must hold. At least one is needed: for everybody there is flush.' })
export const LockRequest = z.strictObject({
  lockouts: z
    .array(
      z.strictObject({
        who: Who,
        seconds: z
          .union([
            z
              .int()
              .min(1)
              .max(3650 * 86_400),
            z.literal('forever'),
          ])
          .optional()
          .meta({ description: 'How long; left out, as long as a first lockout.' }),
      }),
    )
    .min(1)
    .max(WHO_MAX),
  because: z.string().min(1).max(200).optional().meta({ description: 'Why, in your own words.' }),
  force: z.boolean().optional().meta({ description: 'Also prefixes wider than a /16, in IPv6 a /32.' }),
  by: By,
})
export const ByRequest = z.strictObject({ by: By })

export const FreeAnswer = z.object({
  flies: z.array(z.string()),
  held: z.array(z.string()).meta({ description: 'Those that were only held by the kernel.' }),
  count: z.int().meta({ description: `How many flies; at most ${NAMED_MAX} of them are named.` }),
})
export const LockAnswer = z.object({
  locked: z.array(z.string()).meta({ description: 'By the name of the fly: of an IPv6 address the /64.' }),
  refused: z.array(
    z.object({
      who: z.string(),
      why: z.enum(['never-list', 'near', 'no-host', 'too-wide', 'within', 'too-many']),
    }),
  ),
})
export const FlushAnswer = z.object({ flies: z.int() })
export const Nothing = z.object({})

export const StatusAnswer = z.object({
  pid: z.int(),
  version: z.string(),
  since: Milliseconds,
  capture: z.enum(['queue', 'log']),
  closed: z.enum(['unmatched', 'listening', 'unaccepted']),
  auto: z
    .string()
    .optional()
    .meta({ description: 'When the settings say closed = "auto": which mode it took, and why.' }),
  /** Whether it only says what it would do. */
  dryRun: z.boolean(),
  tryUntil: Milliseconds.optional().meta({ description: 'Until when the trap is only tried.' }),
  counts: z.object({
    lockouts: z.int(),
    /** Offences of sources that were locked out already. */
    again: z.int(),
    /** Offenders for whom the set had no room: they were held only. */
    overflow: z.int(),
    /** Packets whose source the daemon let go, by reason. */
    spared: z.record(z.string(), z.int()),
    /** Sources that were held only, because of the promotion limit. */
    deferred: z.int(),
    /** Packets that the kernel itself found to be no offence, by reason. */
    kernel: z.record(z.string(), z.int()),
    packets: z.int(),
    overruns: z.int(),
    lost: z.int(),
  }),
})

/** A line of the events; each event has more, as the log and `watch --json` show. */
export const EventLine = z.looseObject({
  at: z.iso.datetime(),
  event: z.string(),
  text: z.string().meta({ description: 'The sentence of the log.' }),
})

export type FreeRequest = z.infer<typeof FreeRequest>
export type LockRequest = z.infer<typeof LockRequest>
export type Freed = z.infer<typeof FreeAnswer>
export type LockAnswer = z.infer<typeof LockAnswer>
export type DaemonStatus = z.infer<typeof StatusAnswer>
export type EventLine = z.infer<typeof EventLine>

export const ErrorAnswer = z.object({ error: z.string() })

/** What the running daemon can be asked; the client has the same functions. */
export interface Control {
  status(): Promise<DaemonStatus>
  lock(request: LockRequest): Promise<LockAnswer>
  free(request: FreeRequest): Promise<Freed>
  flush(by: string): Promise<number>
  /** Disarms, saves and ends. */
  stop(by: string): Promise<void>
  /** Ends and leaves the trap armed, for another daemon to go on. */
  leave(): Promise<void>
  /** Takes the settings of now. Rejects with what is wrong with them, and goes on with the old ones. */
  reload(by: string): Promise<void>
  /** Keeps a trap that was only to be tried. */
  confirm(): Promise<void>
}

/** The daemon's own side of it. */
export interface Served extends Control {
  /** Calls the listener with each event, as a line of JSON without its end, until disposed of. */
  watch(listener: (line: string) => void): Disposable
  /** Prometheus text, in UTF-8. */
  metrics(): Promise<Uint8Array>
}
