/**
 * What is spoken over the control socket: HTTP/1.1 with JSON bodies, version 1. The table of it is endpoints.ts.
 *
 * `restart` of one version relieves the daemon of another, so an answer loses nothing, and what is added to it may be missing.
 */
import * as z from 'zod'
import { PROTOS } from '../../history/selection.ts'
import type { StatusLine } from '../status-lines.ts'
import type { NeverControl } from './never-protocol.ts'
import type { Past } from './past.ts'
import { CLAIM_MAX } from './who.ts'

/** Bytes of a request's body, at most. */
export const REQUEST_MAX = 65_536
/** Addresses and prefixes of one request, at most. */
export const WHO_MAX = 1000
/** Flies that an answer names; the others are only counted. */
export const NAMED_MAX = 1000
/** Characters of an error, at most. */
export const ERROR_MAX = 10_000

export const By = z.string().min(1).max(CLAIM_MAX).optional().meta({
  description:
    'Who claims to have done it: the name of a user. The kernel tells the daemon who it was, and both are remembered where they differ.',
})
export const Who = z.string().max(64).meta({ description: 'An address or a prefix, never a host name.' })
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
          .meta({
            description:
              'How long; left out, as long as `several` under [lockout] says, and whoever is a fly already stays as long as he does.',
          }),
      }),
    )
    .min(1)
    .max(WHO_MAX),
  because: z.string().min(1).max(200).optional().meta({ description: 'Why, in your own words.' }),
  force: z.boolean().optional().meta({ description: 'Also prefixes wider than a /16, in IPv6 a /32.' }),
  exact: z.boolean().optional().meta({
    description:
      'Gives a fly the end that is said, also when it would stay longer. Without it the later end wins.',
  }),
  by: By,
})
/** Seconds of a pause, at most. */
export const PAUSE_MAX = 86_400
export const PauseRequest = z.strictObject({
  seconds: z.int().min(0).max(PAUSE_MAX).meta({ description: 'How long; 0 ends a pause.' }),
  by: By,
})
export const ByRequest = z.strictObject({ by: By })

export const FreeAnswer = z.object({
  flies: z.array(z.string()),
  held: z.array(z.string()).meta({ description: 'Those that were only held by the kernel.' }),
  count: z.int().meta({ description: `How many flies; at most ${NAMED_MAX} of them are named.` }),
  around: z.array(z.string()).optional().meta({
    description:
      'Prefixes that are locked out, with an address in them that was to be freed: it is locked out still. Left out when there are none.',
  }),
})
export const LockAnswer = z.object({
  locked: z.array(z.string()).meta({ description: 'By the name of the fly: of an IPv6 address the /64.' }),
  kept: z.array(z.string()).default([]).meta({
    description: 'Who is a fly already, for at least as long: nothing was changed. Left out by 0.1.0.',
  }),
  refused: z.array(
    z.object({
      who: z.string(),
      why: z.enum(['never-list', 'near', 'no-host', 'too-wide', 'within', 'too-many', 'full']),
    }),
  ),
})
export const FlushAnswer = z.object({ flies: z.int() })
export const Nothing = z.object({})

export const StatusAnswer = z.object({
  pid: z.int(),
  version: z.string(),
  since: Milliseconds,
  unit: z.string().optional().meta({ description: 'The unit of systemd that started it.' }),
  state: z.string().optional().meta({ description: 'The directory in which its history lies.' }),
  settingsFile: z
    .string()
    .optional()
    .meta({ description: 'Where its settings are looked for first; there need be no such file.' }),
  capture: z.enum(['queue', 'log']),
  closed: z.enum(['unmatched', 'listening', 'unaccepted']),
  auto: z
    .string()
    .optional()
    .meta({ description: 'When the settings say closed = "auto": which mode it took, and why.' }),
  settings: z.array(z.string()).optional().meta({
    description:
      'The files whose settings are in force, in the order in which they count. Left out by older daemons.',
  }),
  never: z.int().optional().meta({
    description:
      'How many prefixes are never locked out: those of `never`, of never_files and of `never add`. Left out by older daemons.',
  }),
  neverByHand: z.int().optional().meta({
    description: 'How many of them were put there by `never add`. Left out where there are none.',
  }),
  neverFiles: z
    .array(z.object({ file: z.string(), prefixes: z.int() }))
    .optional()
    .meta({ description: 'The files of never_files as they were read last.' }),
  neverFilesHangSince: Milliseconds.optional().meta({
    description: 'Since when the files of never_files do not answer. Left out while they do.',
  }),
  reachable: z
    .object({
      public: z.array(z.string()).meta({ description: 'Not for who was locked out by hand: tcp/443.' }),
      doors: z.array(z.string()).meta({ description: 'For everybody who has a key: udp/51820.' }),
    })
    .optional()
    .meta({
      description:
        'Ports that whoever sticks still reaches, by `public` and `doors` of the settings. Left out by older daemons.',
    }),
  remarks: z.array(z.string()).optional().meta({
    description:
      'What of this machine could not be told whole, or not be named in a rule, and what follows from that. Left out by older daemons.',
  }),
  history: z
    .object({
      hangsSince: Milliseconds.optional().meta({
        description: 'Since when its disk does not answer. Left out while it does.',
      }),
      waiting: z.int().meta({ description: 'Lockouts and releases that wait in memory for the disk.' }),
      lost: z
        .int()
        .meta({ description: 'Those that found no room there, and are missing in the history for good.' }),
    })
    .optional()
    .meta({ description: 'How it stands with the history. Left out by older daemons.' }),
  ring: z
    .object({
      on: z.boolean(),
      since: Milliseconds.optional().meta({
        description: 'How far it reaches back. Left out of an empty one.',
      }),
      bytes: z.int(),
      tooMany: z
        .int()
        .meta({ description: 'Packets and notes that were left out, since there were too many, ...' }),
      tooSlow: z.int().meta({ description: '... or the disk was too slow.' }),
    })
    .optional()
    .meta({ description: 'How it stands with the ring of packets. Left out by older daemons.' }),
  /** Whether it only says what it would do. */
  dryRun: z.boolean(),
  pausedUntil: Milliseconds.optional().meta({
    description: 'Until when nobody new is held or locked out.',
  }),
  tryUntil: Milliseconds.optional().meta({ description: 'Until when the trap is only tried.' }),
  counts: z.object({
    lockouts: z.int(),
    /** Those of them that nobody's packet brought. Left out by older daemons. */
    byHand: z.int().default(0),
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
    /** Lines of the log that nobody took in time; 0.1.0 does not count them. */
    logLost: z.int().default(0),
  }),
})

/** The six lines of `status`. */
export const HealthAnswer = z.object({
  lines: z.array(
    z.object({
      label: z.string(),
      ok: z.boolean(),
      reason: z.string().optional().meta({ description: 'What more there is to say.' }),
    }),
  ),
})

/** A line of the events; each event has more, as the log and `watch --json` show. */
export const EventLine = z.looseObject({
  at: z.iso.datetime(),
  event: z.string(),
  text: z.string().meta({ description: 'The sentence of the log.' }),
})

/** Of a client a claim, of the server the signature. */
interface By {
  readonly by: string
}
export type FreeRequest = z.infer<typeof FreeRequest> & By
export type LockRequest = z.infer<typeof LockRequest> & By
export type PauseRequest = z.infer<typeof PauseRequest> & By
export type Freed = z.infer<typeof FreeAnswer>
export type LockAnswer = z.infer<typeof LockAnswer>
export type DaemonStatus = z.infer<typeof StatusAnswer>
export type EventLine = z.infer<typeof EventLine>

export const ErrorAnswer = z.object({ error: z.string() })

/** What the running daemon can be asked; the client has the same functions. */
export interface Control extends Past, NeverControl {
  status(): Promise<DaemonStatus>
  /** The six lines of `status`: is the trap armed and well? */
  health(): Promise<readonly StatusLine[]>
  lock(request: LockRequest): Promise<LockAnswer>
  free(request: FreeRequest): Promise<Freed>
  flush(by: string): Promise<number>
  /** For so long nobody new is held or locked out; 0 ends it. */
  pause(request: PauseRequest): Promise<void>
  /** Disarms, saves and ends. */
  stop(by: string): Promise<void>
  /** Ends and leaves the trap armed, for another daemon to go on. */
  leave(by: string): Promise<void>
  /** Takes the settings of now. Rejects with what is wrong with them, and goes on with the old ones. */
  reload(by: string): Promise<void>
  /** Keeps a trap that was only to be tried. */
  confirm(by: string): Promise<void>
}

/** The daemon's own side of it. */
export interface Served extends Control {
  /** Calls the listener with each event, as a line of JSON without its end, until disposed of. */
  watch(listener: (line: string) => void): Disposable
  /** Prometheus text, in UTF-8. */
  metrics(): Promise<Uint8Array>
}
